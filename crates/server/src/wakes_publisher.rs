use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CallLookup, CallUpdater, CountQuery, HoldResult, KnownParties, KnownPartiesQuery,
    PortUnavailable, Settlement, UndecidedCall,
};
use domain::{Booking, CallId, CallIdentity, CallUpdate, IntentKey, Recording};
use tokio::sync::Notify;

/// A port that wakes the publisher of this process after each write of call events. The publisher
/// then needs no short poll interval, and the write sends nothing more to the store. After an error
/// it is not known whether events were written: the next poll finds them.
pub(crate) struct WakesPublisher<P: ?Sized> {
    port: Arc<P>,
    written: Arc<Notify>,
}

impl<P: ?Sized> WakesPublisher<P> {
    pub(crate) const fn new(port: Arc<P>, written: Arc<Notify>) -> Self {
        Self { port, written }
    }
}

#[async_trait]
impl CallLedger for WakesPublisher<dyn CallLedger> {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let result = self.port.book(booking).await?;
        if result == HoldResult::Granted {
            self.written.notify_one();
        }
        Ok(result)
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.port.undecided(key).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        self.port.settle(settlement).await?;
        self.written.notify_one();
        Ok(())
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.port.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.port.count_since(query).await
    }
}

#[async_trait]
impl CallUpdater for WakesPublisher<dyn CallUpdater> {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        self.port.locate(lookup).await
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        self.port.identity(call_id).await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        self.port.known_parties(query).await
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.port.merge(call_id, update).await?;
        self.written.notify_one();
        Ok(())
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        self.port.attach_recording(call_id, recording).await?;
        self.written.notify_one();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
