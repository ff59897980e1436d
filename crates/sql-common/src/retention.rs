//! What both stores need to remove old rows.

use domain::ports::{RemovedRows, RetentionBatch, RetentionCursor};
use domain::{AudioFormat, CallId, RecordingKey};

use crate::{Columns, Table, Unreadable};

const CALLS: Table = Table("calls");

/// A key of three columns, in the order of its index. No key comes before the default.
pub type RetentionKey = [String; 3];

/// The key after which a batch looks at rows.
#[must_use]
pub fn key_after(batch: &RetentionBatch) -> RetentionKey {
    let after = batch.after.as_ref().and_then(|cursor| serde_json::from_str(&cursor.0).ok());
    after.unwrap_or_default()
}

/// What a batch has removed that looked at the rows up to this key; `None` if they were the last ones.
#[must_use]
pub fn removed_up_to(rows: u64, last: Option<&RetentionKey>) -> RemovedRows {
    let cursor = last.map(|key| serde_json::to_string(key).expect("texts are always JSON"));
    RemovedRows { rows, next: cursor.map(RetentionCursor) }
}

/// What a batch has removed that begins with the oldest rows: it was the last one if it was not full.
#[must_use]
pub fn removed_oldest(rows: u64, batch: &RetentionBatch) -> RemovedRows {
    let is_full = rows >= u64::from(batch.limit);
    RemovedRows { rows, next: is_full.then(RetentionCursor::default) }
}

/// The recording of an old call.
pub struct OldRecordingColumns {
    pub id: String,
    pub recording_format: String,
}

impl Columns for OldRecordingColumns {
    type Value = (CallId, RecordingKey);

    fn read(self) -> Result<(CallId, RecordingKey), Unreadable> {
        let call_id: CallId = CALLS.read("id", self.id)?;
        let format: AudioFormat = CALLS.read("recording_format", self.recording_format.as_str())?;
        let key = RecordingKey::of(&call_id, format);
        Ok((call_id, key))
    }
}
