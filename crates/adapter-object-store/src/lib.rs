//! Recordings as files in a folder, or as objects in a bucket that speaks S3.
//!
//! [`open`] makes a [`RecordingStore`] of [`RecordingsSettings`]. Both kinds of it stand on the crate `object_store`:
//!
//! | | a folder | a bucket |
//! |---|---|---|
//! | a recording is | one file, written aside, synced, and renamed into its place | one object, with its media type |
//! | it is fetched | as bytes | as a link that opens it for ten minutes |
//! | storing it takes at most | 30 s | 30 s |
//! | fetching it takes at most | 10 s | 10 s |
//!
//! A recording's key is text of any kind, and its name in the store one word of `a-z`, `0-9`, `-`, `.` and `_`: `name.rs`.
//! No key, name, link or path goes into an error.

mod bucket;
mod failure;
mod folder;
mod name;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use domain::ports::RecordingStore;

pub use bucket::BucketRecordings;
pub use folder::FolderRecordings;
pub use settings::{InvalidSettings, RecordingsSettings, S3Settings};

/// Within how long a recording is stored, or it is not known whether it is.
const PUT_LIMIT: Duration = Duration::from_secs(30);
/// Within how long it is known how to get at a recording.
const FETCH_LIMIT: Duration = Duration::from_secs(10);

/// Opens the store. A folder that is not there is made; a bucket has to be there, and is not asked for.
///
/// # Errors
///
/// If the settings cannot be right, or the folder cannot be made.
pub fn open(settings: &RecordingsSettings) -> Result<Arc<dyn RecordingStore>, InvalidSettings> {
    Ok(match settings {
        RecordingsSettings::Folder(folder) => Arc::new(FolderRecordings::open(folder)?),
        RecordingsSettings::S3(settings) => Arc::new(BucketRecordings::open(settings)?),
    })
}
