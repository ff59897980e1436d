//! Mutants: gateways without one of the protections, which the checker must find.

mod no_token_comparison;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::ports::{
    CallLedger, CountQuery, DayLimit, DialRequest, HoldResult, IdempotencyLock, LockRequest, LockSettlement,
    Ownership, PortUnavailable, SettleResult, Settlement, UndecidedCall, VoiceProvider,
};
use domain::{
    AgentId, AnswerTime, Booking, CallId, Carrier, ContactId, DialOutcome, IntentKey, NotDialledReason,
    OwnerToken, Pace, PhoneNumber, PlaceCallPorts, Slot, UserId,
};
use server::Storage;

use self::no_token_comparison::{AnyToken, Owners};

/// What a gateway does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Dials a second time after an unknown outcome.
    RetryDial,
    /// Never renews the lock.
    NoRenewal,
    /// Writes to locks and reservations of other owners.
    NoTokenComparison,
    /// Books without a reservation: no call blocks another one in the ledger.
    NoReservation,
    /// Treats an unknown outcome as *not dialled*.
    ReleaseOnUnknown,
}

impl Mutant {
    pub(crate) const ALL: [Self; 5] = [
        Self::RetryDial,
        Self::NoRenewal,
        Self::NoTokenComparison,
        Self::NoReservation,
        Self::ReleaseOnUnknown,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RetryDial => "retry-dial",
            Self::NoRenewal => "no-renewal",
            Self::NoTokenComparison => "no-token-comparison",
            Self::NoReservation => "no-reservation",
            Self::ReleaseOnUnknown => "release-on-unknown",
        }
    }
}

impl FromStr for Mutant {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        let mutant = Self::ALL.into_iter().find(|mutant| mutant.name() == name);
        mutant.with_context(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown mutant {name:?}: expected one of {names}")
        })
    }
}

/// The faults of one gateway.
pub(super) struct Faults(Option<(Mutant, Owners)>);

impl Faults {
    /// The faults of this mutant, on these stores.
    pub(super) fn new(mutant: Option<Mutant>, storage: &Storage) -> Self {
        Self(mutant.map(|mutant| (mutant, Owners::of(storage))))
    }

    /// The ports, with the faults.
    pub(super) fn apply(self, ports: PlaceCallPorts) -> PlaceCallPorts {
        let Some((mutant, owners)) = self.0 else { return ports };
        match mutant {
            Mutant::RetryDial => {
                PlaceCallPorts { provider: Arc::new(RetriesUnknown(ports.provider)), ..ports }
            }
            Mutant::ReleaseOnUnknown => {
                PlaceCallPorts { provider: Arc::new(ReleasesUnknown(ports.provider)), ..ports }
            }
            Mutant::NoRenewal => PlaceCallPorts { lock: Arc::new(NeverRenews(ports.lock)), ..ports },
            Mutant::NoReservation => PlaceCallPorts { ledger: Arc::new(NeverBlocks(ports.ledger)), ..ports },
            Mutant::NoTokenComparison => PlaceCallPorts {
                lock: Arc::new(AnyToken { port: ports.lock, owners: owners.clone() }),
                ledger: Arc::new(AnyToken { port: ports.ledger, owners }),
                ..ports
            },
        }
    }
}

struct RetriesUnknown(Arc<dyn VoiceProvider>);

#[async_trait]
impl VoiceProvider for RetriesUnknown {
    fn answer_time(&self) -> AnswerTime {
        self.0.answer_time()
    }

    fn carriers(&self) -> &[Carrier] {
        self.0.carriers()
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        match self.0.dial(request).await {
            DialOutcome::Unknown(_) => self.0.dial(request).await,
            known => known,
        }
    }
}

/// The outcome is changed where it comes from, so that lock, ledger and the memory of the process
/// release the intent, and the client reads that it may try again.
struct ReleasesUnknown(Arc<dyn VoiceProvider>);

#[async_trait]
impl VoiceProvider for ReleasesUnknown {
    fn answer_time(&self) -> AnswerTime {
        self.0.answer_time()
    }

    fn carriers(&self) -> &[Carrier] {
        self.0.carriers()
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        match self.0.dial(request).await {
            DialOutcome::Unknown(_) => DialOutcome::NotDialled(NotDialledReason::Unavailable),
            known => known,
        }
    }
}

struct NeverRenews(Arc<dyn IdempotencyLock>);

#[async_trait]
impl IdempotencyLock for NeverRenews {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.0.acquire(request).await
    }

    async fn renew(&self, _: &IntentKey, _: &OwnerToken, _: Duration) -> Result<Ownership, PortUnavailable> {
        Ok(Ownership::Held)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.0.settle(settlement).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.0.release(key, token, limits).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.0.next_slot(paces, longest_wait).await
    }
}

/// Each call has a reservation on a key of its own.
struct NeverBlocks(Arc<dyn CallLedger>);

#[async_trait]
impl CallLedger for NeverBlocks {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let key = key_of_call(&booking.identity.call_id);
        self.0.book(&Booking { key, ..booking.clone() }).await
    }

    async fn undecided(&self, _: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        Ok(None)
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let key = key_of_call(settlement.call_id);
        self.0.settle(&Settlement { key: &key, ..*settlement }).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.0.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.0.count_since(query).await
    }
}

fn key_of_call(call_id: &CallId) -> IntentKey {
    let id = call_id.as_str();
    IntentKey::new(
        &UserId::parse(id).expect("an id of one kind is one of any kind"),
        &ContactId::parse(id).expect("an id of one kind is one of any kind"),
        &AgentId::parse(id).expect("an id of one kind is one of any kind"),
        &PhoneNumber::parse("+14165550100").expect("a fictional but well-formed number"),
    )
}
