use domain::AuditRecord;
use serde::de::IgnoredAny;

use crate::{Columns, StoredTime, Table, Unreadable};

const AUDIT_RECORDS: Table = Table("audit_records");

/// An audit record.
pub struct AuditColumns<T> {
    pub seq: i64,
    pub organization_id: String,
    pub at: T,
    pub user_id: Option<String>,
    pub action: String,
    pub object_id: Option<String>,
    pub detail: Option<String>,
}

impl<T: StoredTime> Columns for AuditColumns<T> {
    type Value = AuditRecord;

    fn read(self) -> Result<AuditRecord, Unreadable> {
        // The detail becomes part of JSON documents.
        if let Some(detail) = &self.detail
            && serde_json::from_str::<IgnoredAny>(detail).is_err()
        {
            return Err(AUDIT_RECORDS.unreadable("detail"));
        }
        Ok(AuditRecord {
            sequence: AUDIT_RECORDS.read_number("seq", self.seq)?,
            organization_id: AUDIT_RECORDS.read("organization_id", self.organization_id)?,
            at: self.at.timestamp(),
            user_id: AUDIT_RECORDS.read_optional("user_id", self.user_id)?,
            action: self.action.into(),
            object_id: self.object_id.map(Into::into),
            detail: self.detail.map(Into::into),
        })
    }
}
