//! Copying the embedded file, and what remains to be done after a database was restored.

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::Path;

use anyhow::Context as _;
use domain::ConversationId;
use domain::ports::CallLookup;

use super::{print, run};
use crate::config::{Settings, Storage};
use crate::telemetry;
use crate::wiring::Stores;

/// More call events than any deployment publishes between a backup and its restore.
const SKIPPED_EVENTS: u32 = 1_000_000_000;

/// Does not migrate the file: the program may be the next release, and the gateway the previous one.
pub(crate) fn back_up(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    telemetry::start(settings);
    let Storage::Embedded { path } = &settings.storage else {
        anyhow::bail!(
            "the data is in Postgres: back it up with pg_dump, as ops/backup/postgres-backup.sh does"
        );
    };
    run(async {
        let copied = adapter_sqlite::back_up(path, file).await;
        copied.with_context(|| format!("cannot copy {} to {}", path.display(), file.display()))?;
        print(&format!("copied {} to {}\n", path.display(), file.display()))
    })
}

pub(crate) fn after_restore(settings: &Settings) -> anyhow::Result<()> {
    telemetry::start(settings);
    run(async {
        let stores = open_existing(&settings.storage).await?;
        let skipped = stores.database().skip(SKIPPED_EVENTS).await;
        stores.close().await;
        skipped?;
        print(&format!(
            "later call events have sequence numbers that no client has seen\n\
             Calls that were placed after the backup are not in the ledger. Start the gateway no earlier than {} s \
             after the last gateway was stopped: until then their phones may ring.\n",
            settings.policy.reserve_for().as_secs()
        ))
    })
}

/// Prints the conversations of standard input that no call of the ledger has.
pub(crate) fn missing_calls(settings: &Settings) -> anyhow::Result<()> {
    telemetry::start(settings);
    let mut ids = Vec::new();
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.context("cannot read the ids from standard input")?;
        if !line.trim().is_empty() {
            let id = ConversationId::parse(line.trim());
            ids.push(id.with_context(|| format!("line {}", number + 1))?);
        }
    }
    run(async {
        let stores = open_existing(&settings.storage).await?;
        let (mut missing, mut text) = (0, String::new());
        for id in &ids {
            let lookup = CallLookup { conversation_id: Some(id.clone()), ..CallLookup::default() };
            if stores.database().locate(&lookup).await?.is_none() {
                missing += 1;
                writeln!(text, "{}", id.as_str()).expect("writing to a string does not fail");
            }
        }
        stores.close().await;
        print(&text)?;
        anyhow::ensure!(missing == 0, "no call of the ledger has {missing} of {} conversations", ids.len());
        Ok(())
    })
}

async fn open_existing(storage: &Storage) -> anyhow::Result<Stores> {
    if let Storage::Embedded { path } = storage {
        anyhow::ensure!(path.exists(), "there is no database {}: restore it first", path.display());
    }
    let stores = Stores::open(storage).await?;
    stores.check_schema().await?;
    Ok(stores)
}
