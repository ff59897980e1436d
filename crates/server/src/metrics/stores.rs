//! The operations of the database on the way of a call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CountQuery, HoldResult, OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable,
    Settlement, UndecidedCall,
};
use domain::{Booking, IntentKey};
use metrics::Counter;

use super::Registry;
use super::calls::counted;
use super::table::DATABASE_ERRORS;

/// Counts the failures of bookings and settlements.
pub(crate) struct MeasuredLedger {
    ledger: Arc<dyn CallLedger>,
    book_failed: Counter,
    settle_failed: Counter,
}

impl MeasuredLedger {
    pub(crate) fn new(ledger: Arc<dyn CallLedger>, registry: &Registry) -> Self {
        Self {
            ledger,
            book_failed: registry.counter(&DATABASE_ERRORS, &["book"]),
            settle_failed: registry.counter(&DATABASE_ERRORS, &["settle"]),
        }
    }
}

#[async_trait]
impl CallLedger for MeasuredLedger {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        counted(self.ledger.book(booking).await, &self.book_failed)
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.ledger.undecided(key).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        counted(self.ledger.settle(settlement).await, &self.settle_failed)
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.ledger.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.ledger.count_since(query).await
    }
}

/// Counts the failures to read the parties.
pub(crate) struct MeasuredDirectory {
    directory: Arc<dyn OutboundDirectory>,
    resolve_failed: Counter,
}

impl MeasuredDirectory {
    pub(crate) fn new(directory: Arc<dyn OutboundDirectory>, registry: &Registry) -> Self {
        Self { directory, resolve_failed: registry.counter(&DATABASE_ERRORS, &["resolve"]) }
    }
}

#[async_trait]
impl OutboundDirectory for MeasuredDirectory {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        counted(self.directory.resolve(query).await, &self.resolve_failed)
    }
}
