//! Who can read the files with secrets and with data.

use std::path::{Path, PathBuf};

use super::{Finding, within};
use crate::config::{Auth, Settings, Storage};
use crate::file_mode::mode_of;

const SECRET_FILES: &str = "secret-files";
const DATABASE_FILE: &str = "database-file";

/// A file system that does not answer stops no other check.
pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let mut secrets = settings.secret_files.clone();
    if let Auth::GeneratedSecret { path, .. } = &settings.auth {
        secrets.push(path.clone());
    }
    let database = match &settings.storage {
        Storage::Embedded { path } => Some(path.clone()),
        Storage::Services { .. } => None,
    };
    let looked = within(tokio::task::spawn_blocking(move || look(&secrets, database.as_deref()))).await;
    looked.unwrap_or_else(|error| {
        vec![Finding::failed(SECRET_FILES, error, "find out why the file system does not answer")]
    })
}

fn look(secrets: &[PathBuf], database: Option<&Path>) -> Vec<Finding> {
    let mut findings: Vec<_> =
        secrets.iter().filter_map(|path| exposed(SECRET_FILES, path, "secrets")).collect();
    if findings.is_empty() {
        let existing = secrets.iter().filter(|path| path.exists()).count();
        findings.push(Finding::ok(SECRET_FILES, format!("{existing}, which only their owner can read")));
    }
    let Some(database) = database else {
        findings.push(Finding::unneeded(DATABASE_FILE, "the data is in Postgres"));
        return findings;
    };
    if !database.exists() {
        findings.push(Finding::unneeded(DATABASE_FILE, "it does not exist yet"));
        return findings;
    }
    let beside = |suffix: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let files = [database.to_owned(), beside("-wal"), beside("-shm")];
    let mut of_database: Vec<_> =
        files.iter().filter_map(|path| exposed(DATABASE_FILE, path, "names and phone numbers")).collect();
    of_database.extend(folder_of(database).and_then(|folder| replaceable(&folder)));
    if of_database.is_empty() {
        of_database.push(Finding::ok(DATABASE_FILE, "only its owner can read it"));
    }
    findings.extend(of_database);
    findings
}

/// The folder of a path that may be relative.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
}

/// A file that others than its owner can read or change. One that does not exist is not exposed.
fn exposed(id: &'static str, path: &Path, content: &str) -> Option<Finding> {
    let mode = mode_of(path)?;
    let remedy = format!("chmod 600 {}", path.display());
    let found = |who: &str, what: &str| format!("{who} can {what} this file with {content}");
    let finding = match mode {
        _ if mode & 0o002 != 0 => Finding::failed(id, found("every user of the machine", "change"), remedy),
        _ if mode & 0o004 != 0 => Finding::failed(id, found("every user of the machine", "read"), remedy),
        _ if mode & 0o020 != 0 => Finding::warning(id, found("its group", "change"), remedy),
        _ if mode & 0o040 != 0 => Finding::warning(id, found("its group", "read"), remedy),
        _ => return None,
    };
    Some(finding.about(path.display().to_string()))
}

/// A folder in which every user can put another file in the place of the database.
fn replaceable(folder: &Path) -> Option<Finding> {
    const STICKY: u32 = 0o1000;
    let mode = mode_of(folder)?;
    (mode & 0o002 != 0 && mode & STICKY == 0).then(|| {
        let remedy = format!("chmod o-w {}", folder.display());
        let found = "every user of the machine can replace the database in this folder";
        Finding::failed(DATABASE_FILE, found, remedy).about(folder.display().to_string())
    })
}
