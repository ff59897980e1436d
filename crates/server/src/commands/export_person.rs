//! `outdial export-person`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapter_http::iso8601;
use anyhow::Context as _;
use domain::ports::{AudioError, Clock as _, PersonalRecords, RecordingStore};
use domain::{AudioPart, OrganizationId, RecordingKey, Timestamp};
use serde_json::{Map, Value, json};

use super::person::{PersonOptions, erase_person};
use super::{print, run};
use crate::config::Settings;
use crate::system::SystemClock;
use crate::telemetry;
use crate::wiring::Stores;

/// What `outdial export-person` writes, and where.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ExportOptions {
    #[command(flatten)]
    person: PersonOptions,
    /// A new file for the document, which only this user can read. Without it, standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write the recordings as files into this folder. It is created if it does not exist.
    #[arg(long, value_name = "FOLDER")]
    recordings: Option<PathBuf>,
}

pub(crate) fn export(settings: Settings, options: &ExportOptions) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let exported = collect(&settings, &stores, options).await;
        stores.close().await;
        let document = format!("{:#}\n", exported?);
        match &options.output {
            None => print(&document),
            Some(path) => {
                let written =
                    private_file(path, true).and_then(|mut file| file.write_all(document.as_bytes()));
                written.with_context(|| format!("cannot write {}", path.display()))
            }
        }
    })
}

async fn collect(settings: &Settings, stores: &Stores, options: &ExportOptions) -> anyhow::Result<Value> {
    let erase = erase_person(settings, stores)?;
    let store = settings.recordings.as_ref().map(adapter_object_store::open).transpose();
    let store = store.context("OUTDIAL_RECORDINGS_URL")?;
    let mut persons = Vec::new();
    for person in options.person.persons(&erase).await? {
        let records = stores.database().export(&person).await?;
        if records.is_empty() {
            continue;
        }
        if let Some(folder) = &options.recordings {
            let store = store.as_ref().context("--recordings: OUTDIAL_RECORDINGS_URL is not set")?;
            for key in &records.recordings {
                write_recording(store, key, folder).await?;
            }
        }
        persons.push(document(person.organization_id.as_ref(), &records));
    }
    Ok(json!({ "exportedAt": iso8601(SystemClock.now()), "persons": persons }))
}

/// What an organization has of the person.
fn document(organization_id: Option<&OrganizationId>, records: &PersonalRecords) -> Value {
    let tables: Map<String, Value> = records
        .tables
        .iter()
        .map(|table| (table.table.to_owned(), table.rows.iter().map(|row| shown(row)).collect()))
        .collect();
    let recordings: Vec<&str> = records.recordings.iter().map(RecordingKey::as_str).collect();
    json!({
        "organizationId": organization_id.map(OrganizationId::as_str),
        "tables": tables,
        "recordings": recordings,
    })
}

/// A row, with its times in ISO 8601: SQLite has them as milliseconds since 1970.
fn shown(row: &str) -> Value {
    let mut row: Map<String, Value> = serde_json::from_str(row).unwrap_or_default();
    for (name, value) in &mut row {
        let is_time = name == "at" || ["_at", "_until"].iter().any(|end| name.ends_with(end));
        if let (true, Some(millis)) = (is_time, value.as_i64()) {
            *value = iso8601(Timestamp::from_unix_millis(millis)).into();
        }
    }
    Value::Object(row)
}

async fn write_recording(
    store: &Arc<dyn RecordingStore>,
    key: &RecordingKey,
    folder: &Path,
) -> anyhow::Result<()> {
    let Some(opened) = store.open(key, AudioPart::Whole).await? else { return Ok(()) };
    let path = folder.join(key.as_str());
    let context = || format!("cannot write {}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(context)?;
    let mut file = private_file(&path, false).with_context(context)?;
    let Some((_, mut audio)) = opened.part else { return Ok(()) };
    while let Some(chunk) = audio.next().await {
        file.write_all(&chunk.map_err(|error: AudioError| anyhow::anyhow!(error))?).with_context(context)?;
    }
    Ok(())
}

/// A file that only this user can read.
fn private_file(path: &Path, must_be_new: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if must_be_new {
        options.create_new(true)
    } else {
        options.create(true).truncate(true)
    };
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_one_form() {
        let row = shown(r#"{"booked_at":0,"claimed_until":"2026-01-01T00:00:00+00:00","remember_millis":7}"#);
        let expected = json!({
            "booked_at": "1970-01-01T00:00:00.000Z",
            "claimed_until": "2026-01-01T00:00:00+00:00",
            "remember_millis": 7,
        });
        assert_eq!(row, expected);
    }
}
