use std::path::Path;

use adapter_sqlite::{SqliteSettings, SqliteStore};

use super::stores::{Checked, DATABASE, Opened, PRIMARY, SCHEMA, WRITABLE, of_schema};
use super::{Finding, clocks, within};

/// Opens a file that exists. It creates none, and applies no migration.
pub(super) async fn check(path: &Path) -> Checked {
    let mut findings = Vec::new();
    let mut rest = |database: Finding, other: &'static str| {
        let behind = [SCHEMA, WRITABLE].map(|id| Finding::behind(id, other));
        findings.push(database);
        findings.extend(behind);
        findings.extend(unneeded());
        Checked { findings: std::mem::take(&mut findings), database: Opened::None(other) }
    };
    if !path.exists() {
        let found = format!("{} does not exist yet", path.display());
        let remedy = "run `outdial migrate`, or `outdial serve`, which create it";
        return rest(Finding::warning(DATABASE, found, remedy), DATABASE);
    }
    let store = match within(SqliteStore::open(&SqliteSettings::file(path))).await {
        Ok(store) => store,
        Err(error) => {
            let remedy = "let OUTDIAL_DATABASE_URL name a file of Outdial that this user can write to";
            return rest(Finding::failed(DATABASE, error, remedy), DATABASE);
        }
    };
    let opened = Finding::ok(DATABASE, "the file can be opened");
    let schema = within(async {
        Ok::<_, domain::ports::PortUnavailable>((
            store.pending_migrations().await?,
            store.unknown_migrations().await?,
        ))
    });
    let schema = match schema.await {
        Ok((missing, unknown)) => {
            // `serve` migrates the file, and cannot open that of a newer release.
            let finding = of_schema(
                &missing,
                &unknown,
                |id, found| Finding::warning(id, found, "start `outdial serve`, or run `outdial migrate`"),
                |id, found| Finding::failed(id, found, "install the release that migrated it"),
            );
            if missing.is_empty() { Ok(finding) } else { Err(finding) }
        }
        Err(error) => Err(Finding::failed(SCHEMA, error, "restore the file from a backup")),
    };
    let (schema, writable, database) = match schema {
        Ok(schema) => (schema, write(&store).await, Opened::Sqlite(store)),
        Err(schema) => {
            store.close().await;
            (schema, Finding::behind(WRITABLE, SCHEMA), Opened::None(SCHEMA))
        }
    };
    let mut findings = vec![opened, schema, writable];
    findings.extend(unneeded());
    Checked { findings, database }
}

async fn write(store: &SqliteStore) -> Finding {
    match within(store.ping()).await {
        Ok(()) => Finding::ok(WRITABLE, "the file can be written to"),
        Err(error) => {
            Finding::failed(WRITABLE, error, "free some space on its disk, and let this user write to it")
        }
    }
}

fn unneeded() -> [Finding; 2] {
    [
        Finding::unneeded(PRIMARY, "a file has no standby"),
        Finding::unneeded(clocks::CLOCKS, "the file has the clock of this host"),
    ]
}
