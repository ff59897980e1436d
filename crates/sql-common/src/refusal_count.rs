use domain::RefusalCode;
use domain::ports::RefusalCount;

use crate::{Columns, FromText, StoredTime, Table, Unreadable};

const REFUSAL_COUNTS: Table = Table("refusal_counts");

pub struct RefusalColumns<T> {
    pub organization_id: String,
    pub hour: T,
    pub code: String,
    pub refusals: i64,
}

impl<T: StoredTime> Columns for RefusalColumns<T> {
    type Value = RefusalCount;

    fn read(self) -> Result<RefusalCount, Unreadable> {
        Ok(RefusalCount {
            organization_id: REFUSAL_COUNTS.read("organization_id", self.organization_id)?,
            hour: self.hour.timestamp(),
            code: REFUSAL_COUNTS.read("code", self.code)?,
            refusals: self.refusals.try_into().map_err(|_| REFUSAL_COUNTS.unreadable("refusals"))?,
        })
    }
}

impl FromText for RefusalCode {
    fn from_text(text: &str) -> Option<Self> {
        Self::from_name(text)
    }
}
