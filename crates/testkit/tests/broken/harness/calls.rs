//! The ledger, and what happens to calls after the dial.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CallReader, CallTraces, CallUpdater, DeliveryQueue, EventFeed, EventInbox, IdempotencyKeys,
    LedgerMeter, PersonalData, Suppressions, UnfinishedCalls, WebhookEndpoints,
};
use domain::{DialOutcome, ProviderReference};
use testkit::harness::{
    BookedCall, CallEventsHarness, CallLedgerHarness, CallTracesHarness, CalleeRecordsHarness, CallsHarness,
    EventInboxHarness, IdempotencyKeysHarness, LedgerMeterHarness, PersonalDataHarness,
};
use testkit::memory::LedgerCall;

use super::{Adapters, Harness};

#[async_trait]
impl<P: CallLedger + Suppressions + Adapters> CallLedgerHarness for Harness<P> {
    fn ledger(&self) -> Arc<dyn CallLedger> {
        Arc::new(self.ports.clone())
    }

    fn suppressions(&self) -> Arc<dyn Suppressions> {
        Arc::new(self.ports.clone())
    }

    async fn crash(&self) {
        self.ports.crash();
    }

    async fn calls_in_ledger(&self) -> Vec<BookedCall> {
        self.memory.tables().calls.iter().map(booked_call).collect()
    }
}

fn booked_call(call: &LedgerCall) -> BookedCall {
    let outcome = call.dial.as_ref().map(|(outcome, _)| outcome);
    let reference = match outcome {
        Some(DialOutcome::Placed(reference) | DialOutcome::NotConnected { reference, .. }) => {
            reference.clone()
        }
        Some(DialOutcome::NotDialled(_) | DialOutcome::Unknown(_)) | None => ProviderReference::default(),
    };
    let identity = call.booking.identity.clone();
    BookedCall {
        call_id: identity.call_id,
        organization_id: identity.organization_id,
        user_id: identity.user_id,
        contact_id: identity.contact_id,
        agent_id: identity.agent_id,
        from: identity.from,
        to: identity.to,
        reason: call.booking.reason.clone(),
        variables: call.booking.variables.clone(),
        metadata: call.booking.metadata.clone(),
        purpose: Some(call.booking.conditions.purpose),
        subject: call.booking.conditions.subject.clone(),
        decision: call.booking.conditions.decision.as_deref().cloned(),
        booked_at: call.booking.booked_at,
        state: outcome.map_or("dialling", DialOutcome::as_str).to_owned(),
        conversation_id: reference.conversation_id,
        carrier_call_id: reference.carrier_call_id,
    }
}

impl<P> CallsHarness for Harness<P>
where
    P: CallReader + CallUpdater + UnfinishedCalls + Adapters,
    Self: CallLedgerHarness,
{
    fn reader(&self) -> Arc<dyn CallReader> {
        Arc::new(self.ports.clone())
    }

    fn updater(&self) -> Arc<dyn CallUpdater> {
        Arc::new(self.ports.clone())
    }

    fn unfinished(&self) -> Arc<dyn UnfinishedCalls> {
        Arc::new(self.ports.clone())
    }
}

impl<P> IdempotencyKeysHarness for Harness<P>
where
    P: IdempotencyKeys + Adapters,
    Self: CallsHarness,
{
    fn keys(&self) -> Arc<dyn IdempotencyKeys> {
        Arc::new(self.ports.clone())
    }
}

#[async_trait]
impl<P: EventInbox + Adapters> EventInboxHarness for Harness<P> {
    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.ports.clone())
    }

    async fn crash(&self) {
        self.ports.crash();
    }
}

#[async_trait]
impl<P> CallEventsHarness for Harness<P>
where
    P: EventFeed + WebhookEndpoints + DeliveryQueue + Adapters,
    Self: CallsHarness,
{
    fn feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.ports.clone())
    }

    async fn other_feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.ports.of_other_process())
    }

    fn endpoints(&self) -> Arc<dyn WebhookEndpoints> {
        Arc::new(self.ports.clone())
    }

    fn queue(&self) -> Arc<dyn DeliveryQueue> {
        Arc::new(self.ports.clone())
    }
}

impl<P: CallLedger + Suppressions + CallTraces + Adapters> CallTracesHarness for Harness<P> {
    fn traces(&self) -> Arc<dyn CallTraces> {
        Arc::new(self.ports.clone())
    }
}

impl<P> LedgerMeterHarness for Harness<P>
where
    P: CallLedger + Suppressions + CallReader + CallUpdater + UnfinishedCalls,
    P: EventFeed + WebhookEndpoints + DeliveryQueue + EventInbox + LedgerMeter + Adapters,
{
    fn meter(&self) -> Arc<dyn LedgerMeter> {
        Arc::new(self.ports.clone())
    }

    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.ports.clone())
    }
}

impl<P: PersonalData + Adapters> PersonalDataHarness for Harness<P>
where
    Self: CalleeRecordsHarness + IdempotencyKeysHarness + LedgerMeterHarness,
{
    fn personal_data(&self) -> Arc<dyn PersonalData> {
        Arc::new(self.ports.clone())
    }
}
