//! Recordings as files in a folder, or as objects in an S3-compatible bucket.
//!
//! [`open`] creates a [`RecordingStore`] from [`RecordingsSettings`]. Both kinds use the crate
//! `object_store`:
//!
//! | | Folder | Bucket |
//! |---|---|---|
//! | A recording is | one file, written to a temporary file, synced and renamed | one object with its media type |
//! | Fetching returns | a stream of the bytes | a link that is valid for ten minutes |
//! | Opening reads | the open file | pieces of 1 MiB, all of one version |
//! | Timeout of storing, for each part | 25 s | 25 s |
//! | Timeout of fetching, for each chunk | 10 s | 10 s |
//!
//! A recording of more than 8 MiB is stored in parts, with one part in memory: see `upload.rs`. It
//! can be read when the last part is stored. A process that dies before leaves the parts: a file
//! with `#` in its name, or an upload that the bucket's rules should expire.
//!
//! A recording's key is any text. Its name in the store has only `a-z`, `0-9`, `-`, `.` and `_`:
//! see `name.rs`. No error contains a key, name, link or path.

mod bucket;
mod failure;
mod folder;
mod name;
mod settings;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use domain::ports::RecordingStore;

pub use bucket::BucketRecordings;
pub use folder::FolderRecordings;
pub use settings::{InvalidSettings, RecordingsSettings, S3Settings};

const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the store. Creates a missing folder. A bucket must exist; this function does not check it.
///
/// # Errors
///
/// A setting is invalid, or the folder cannot be created.
pub fn open(settings: &RecordingsSettings) -> Result<Arc<dyn RecordingStore>, InvalidSettings> {
    Ok(match settings {
        RecordingsSettings::Folder(folder) => Arc::new(FolderRecordings::open(folder)?),
        RecordingsSettings::S3(settings) => Arc::new(BucketRecordings::open(settings)?),
    })
}
