//! Where recordings are stored, and the space on the disks.

use std::path::{Path, PathBuf};

use adapter_object_store::{BucketRecordings, RecordingsSettings};
use domain::ports::{PortUnavailable, RecordingStore};
use domain::{AudioFormat, AudioPart, CallId, RecordingKey};

use super::{Finding, within};
use crate::config::{Settings, Storage};

const RECORDINGS: &str = "recordings";
const DISK_SPACE: &str = "disk-space";

/// Calls still fit, and an operator has time to act.
const SCARCE_BYTES: u64 = 1 << 30;
/// Less than the files need that are written at any time: logs of the database, parts of recordings.
const TOO_SCARCE_BYTES: u64 = 64 << 20;

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let (recordings, mut findings) = tokio::join!(check_recordings(settings), check_disks(settings));
    findings.insert(0, recordings);
    findings
}

async fn check_recordings(settings: &Settings) -> Finding {
    let remedy = "correct OUTDIAL_RECORDINGS_URL and OUTDIAL_RECORDINGS_S3_*";
    match &settings.recordings {
        None => Finding::unneeded(RECORDINGS, "they are stored nowhere"),
        Some(RecordingsSettings::Folder(folder)) => {
            let folder = folder.clone();
            let looked = within(tokio::task::spawn_blocking(move || look_at(&folder))).await;
            looked.unwrap_or_else(|error| {
                Finding::failed(RECORDINGS, error, "find out why the file system does not answer")
            })
        }
        Some(RecordingsSettings::S3(bucket)) => {
            let bucket = match BucketRecordings::open(bucket) {
                Ok(bucket) => bucket,
                Err(error) => return Finding::failed(RECORDINGS, error.to_string(), remedy),
            };
            match within(find_nothing(&bucket)).await {
                Ok(()) => Finding::ok(RECORDINGS, "the bucket exists, and can be read and listed"),
                Err(error) => Finding::failed(RECORDINGS, error, remedy),
            }
        }
    }
}

/// Asks for a recording that does not exist: the answer of a bucket with a valid key is that. A bucket that
/// does not exist answers the same, but to a list.
async fn find_nothing(bucket: &BucketRecordings) -> Result<(), PortUnavailable> {
    let key = RecordingKey::of(&CallId::mint(0, [0; 8]), AudioFormat::Mp3);
    RecordingStore::open(bucket, &key, AudioPart::Whole).await?;
    bucket.look().await.map(drop)
}

fn look_at(folder: &Path) -> Finding {
    let remedy = format!("make {} a folder that this user can write to", folder.display());
    let exists = folder.exists();
    let nearest = nearest_existing(folder);
    match (exists, nearest.is_dir() && is_writable(&nearest)) {
        (true, true) => Finding::ok(RECORDINGS, "the folder can be written to"),
        (false, true) => Finding::ok(RECORDINGS, "the folder does not exist yet, and can be created"),
        (_, false) => Finding::failed(RECORDINGS, "the folder cannot be written to", remedy),
    }
}

fn nearest_existing(path: &Path) -> PathBuf {
    let existing = path.ancestors().find(|ancestor| ancestor.exists());
    // Of a relative path, the last ancestor is empty.
    existing.filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

async fn check_disks(settings: &Settings) -> Vec<Finding> {
    let mut paths = Vec::new();
    if let Storage::Embedded { path } = &settings.storage {
        paths.push(("database", nearest_existing(path)));
    }
    if let Some(RecordingsSettings::Folder(folder)) = &settings.recordings {
        paths.push(("recordings", nearest_existing(folder)));
    }
    if paths.is_empty() {
        return vec![Finding::unneeded(DISK_SPACE, "nothing is stored on this machine")];
    }
    let mut findings = Vec::new();
    for (subject, path) in paths {
        let looked = within(tokio::task::spawn_blocking(move || free_bytes(&path))).await;
        let finding = match looked {
            Ok(free) => of_free(free),
            Err(error) => Finding::failed(DISK_SPACE, error, "find out why the file system does not answer"),
        };
        findings.push(finding.about(subject));
    }
    findings
}

fn of_free(free: Option<u64>) -> Finding {
    let Some(free) = free else {
        return Finding::unneeded(DISK_SPACE, "this system does not say how much is free");
    };
    let found = format!("{} MiB are free", free >> 20);
    let remedy = "free some space, or enlarge the disk";
    match free {
        ..TOO_SCARCE_BYTES => Finding::failed(DISK_SPACE, found, remedy),
        TOO_SCARCE_BYTES..SCARCE_BYTES => Finding::warning(DISK_SPACE, found, remedy),
        SCARCE_BYTES.. => Finding::ok(DISK_SPACE, found),
    }
}

#[cfg(target_os = "linux")]
fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(target_os = "linux"))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn is_writable(folder: &Path) -> bool {
    use rustix::fs::Access;
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn is_writable(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|metadata| !metadata.permissions().readonly())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_disk_without_space_fails() {
        for (free, state) in [
            (Some(0), State::Failed),
            (Some(TOO_SCARCE_BYTES), State::Warning),
            (Some(SCARCE_BYTES), State::Ok),
            (None, State::Skipped),
        ] {
            assert_eq!(of_free(free).state, state, "{free:?}");
        }
    }
}
