//! Stores whose steps take a given time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, Clock as _, ContactRepo, CountQuery, DayLimit, DialRequest, HoldResult, IdempotencyLock,
    LockRequest, LockSettlement, OutboundDirectory, OutboundParties, OutboundQuery, Ownership,
    PortUnavailable, Recipient, SettleResult, Settlement, UndecidedCall, VoiceProvider,
};
use domain::{
    AnswerTime, Booking, Contact, ContactId, DialOutcome, IntentKey, Organization, OrganizationId,
    OwnerToken, Pace, PhoneNumber, Slot, User,
};
use testkit::clock::ManualClock;

use crate::world::{agent, caller_number, choice, contact, name, organization_id, provider_reference};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Resolve,
    Create,
    Acquire,
    Book,
    SettleLedger,
    Release,
}

/// All stores and the provider. Each step takes its time by the manual clock, and a store applies a
/// step even if the gateway no longer waits for it.
#[derive(Clone)]
pub(super) struct Stores(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) clock: Arc<ManualClock>,
    pub(super) takes: BTreeMap<Step, Duration>,
    /// The process is paused for this time during a step, which is finished when it continues.
    pub(super) paused: Option<(Step, Duration)>,
    pub(super) acquired: Result<HoldResult, PortUnavailable>,
    pub(super) booked: Result<HoldResult, PortUnavailable>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// The writes and the dials that were started, in order.
    pub(super) started: Vec<&'static str>,
    pub(super) lock_is_held: bool,
    pub(super) reservation_is_held: bool,
}

impl Stores {
    async fn step<T: Send + 'static>(
        &self,
        step: Step,
        apply: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> T {
        let stores = self.clone();
        let server = tokio::spawn(async move {
            let Inner { clock, takes, paused, state, .. } = &*stores.0;
            if let Some((_, pause)) = paused.filter(|(at, _)| *at == step) {
                clock.jump(pause);
            }
            if let Some(time) = takes.get(&step) {
                clock.sleep(*time).await;
            }
            apply(&mut state.lock().expect("no panic"))
        });
        server.await.expect("a store does not panic")
    }

    fn start(&self, step: &'static str) {
        self.0.state.lock().expect("no panic").started.push(step);
    }
}

#[async_trait]
impl OutboundDirectory for Stores {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let organization = Organization { id: organization_id(), name: name("Analytical Engines") };
        let parties = OutboundParties {
            user: User {
                id: query.user_id.clone(),
                organization,
                full_name: name("Charles Babbage"),
                access_role: None,
            },
            contact: matches!(query.recipient, Recipient::Contact(_)).then(contact),
            agent: Some(agent()),
            numbers: choice(Some(caller_number())),
            calling: domain::CallingFacts::default(),
            pacing: domain::PacingFacts::default(),
        };
        self.step(Step::Resolve, |_| Ok(Some(parties))).await
    }
}

#[async_trait]
impl ContactRepo for Stores {
    async fn find(&self, _: &OrganizationId, _: &ContactId) -> Result<Option<Contact>, PortUnavailable> {
        unreachable!("a call finds its contact with its other parties")
    }

    async fn find_by_number(
        &self,
        _: &OrganizationId,
        _: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable> {
        unreachable!("a call finds its contact with its other parties")
    }

    async fn find_or_create(
        &self,
        _: &OrganizationId,
        _: &PhoneNumber,
        _: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        self.step(Step::Create, |_| Ok(contact())).await
    }
}

#[async_trait]
impl IdempotencyLock for Stores {
    async fn acquire<'a>(&self, _: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.start("acquire");
        let acquired = self.0.acquired.clone();
        let takes_it = !matches!(acquired, Ok(HoldResult::InFlight { .. } | HoldResult::Settled(_)));
        self.step(Step::Acquire, move |state| {
            state.lock_is_held |= takes_it;
            acquired
        })
        .await
    }

    async fn renew(&self, _: &IntentKey, _: &OwnerToken, _: Duration) -> Result<Ownership, PortUnavailable> {
        Ok(Ownership::Held)
    }

    async fn settle<'a>(&self, _: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        Ok(SettleResult { ownership: Ownership::Held, context_stored: true })
    }

    async fn release(
        &self,
        _: &IntentKey,
        _: &OwnerToken,
        _: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.start("release");
        self.step(Step::Release, |state| {
            state.lock_is_held = false;
            Ok(Ownership::Held)
        })
        .await
    }

    async fn next_slot(&self, _: &[Pace], _: Duration) -> Result<Slot, PortUnavailable> {
        unreachable!("these calls have no pace")
    }
}

#[async_trait]
impl CallLedger for Stores {
    async fn book(&self, _: &Booking) -> Result<HoldResult, PortUnavailable> {
        self.start("book");
        let booked = self.0.booked.clone();
        let takes_it = !matches!(booked, Ok(HoldResult::InFlight { .. } | HoldResult::Settled(_)));
        self.step(Step::Book, move |state| {
            state.reservation_is_held |= takes_it;
            booked
        })
        .await
    }

    async fn undecided(&self, _: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        Ok(None)
    }

    async fn remove_expired(&self, _: Duration, _: u32) -> Result<u64, PortUnavailable> {
        Ok(0)
    }

    async fn count_since<'a>(&self, _: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        unreachable!("no policy has a limit")
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let is_withdrawn = matches!(settlement.outcome, DialOutcome::NotDialled(_));
        self.start(if is_withdrawn { "withdraw" } else { "settle" });
        self.step(Step::SettleLedger, move |state| {
            state.reservation_is_held &= !is_withdrawn;
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl VoiceProvider for Stores {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[domain::Carrier] {
        testkit::fixtures::SERVED_CARRIERS
    }

    async fn dial(&self, _: &DialRequest) -> DialOutcome {
        self.start("dial");
        DialOutcome::Placed(provider_reference())
    }
}
