use domain::ports::{Backlog, LedgerFigures};

use crate::{Columns, StoredTime, Unreadable};

/// What has not ended yet.
pub struct LedgerFiguresColumns<T> {
    pub dialling: i64,
    pub ringing: i64,
    pub in_progress: i64,
    pub unknown: i64,
    pub oldest_unknown: Option<T>,
    pub inbox: i64,
    pub oldest_in_inbox: Option<T>,
    pub postponed: i64,
    pub oldest_postponed: Option<T>,
    pub outbox: i64,
    pub oldest_in_outbox: Option<T>,
    pub deliveries: i64,
    pub oldest_delivery: Option<T>,
    pub dead: i64,
}

impl<T: StoredTime> Columns for LedgerFiguresColumns<T> {
    type Value = LedgerFigures;

    fn read(self) -> Result<LedgerFigures, Unreadable> {
        Ok(LedgerFigures {
            dialling: count(self.dialling),
            ringing: count(self.ringing),
            in_progress: count(self.in_progress),
            unknown: backlog(self.unknown, self.oldest_unknown),
            inbox: backlog(self.inbox, self.oldest_in_inbox),
            postponed: backlog(self.postponed, self.oldest_postponed),
            outbox: backlog(self.outbox, self.oldest_in_outbox),
            deliveries: backlog(self.deliveries, self.oldest_delivery),
            dead: count(self.dead),
        })
    }
}

fn backlog<T: StoredTime>(pending: i64, oldest: Option<T>) -> Backlog {
    Backlog { pending: count(pending), oldest: oldest.map(StoredTime::timestamp) }
}

/// `count(*)` is never negative.
fn count(rows: i64) -> u64 {
    rows.try_into().unwrap_or_default()
}
