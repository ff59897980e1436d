use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    CallLedger, MockCallUpdater, MockContextCache, MockIdentifiers, MockSuppressions, PortUnavailable,
    Settlement,
};
use domain::{
    Booking, CallStatus, DestinationRules, DialOutcome, NotDialledReason, ProviderReference, RecordOptOut,
    RecordOptOutPorts, UserId, WebhookEndpoint,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{Tenant, call_id, webhook_endpoint};
use testkit::memory::{LedgerCall, Memory};

/// Records opt-outs in ports that expect no call.
pub(crate) fn no_opt_outs() -> Arc<RecordOptOut> {
    let ports = RecordOptOutPorts {
        suppressions: Arc::new(MockSuppressions::new()),
        updater: Arc::new(MockCallUpdater::new()),
        contexts: Arc::new(MockContextCache::new()),
        identifiers: Arc::new(MockIdentifiers::new()),
        clock: Arc::new(ManualClock::new()),
    };
    Arc::new(RecordOptOut::new(ports, DestinationRules::default(), "opt_out"))
}

/// One tenant in a store in memory, on a clock that the tests move.
pub(crate) struct World {
    pub clock: Arc<ManualClock>,
    pub memory: Memory,
    pub tenant: Tenant,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let memory = Memory::new(clock.clone());
        let tenant = Tenant::new();
        memory.import(&tenant.records());
        Self { clock, memory, tenant }
    }

    pub(crate) fn user_id(&self) -> &UserId {
        &self.tenant.user.id
    }

    /// Books a call now. It writes one call event.
    pub(crate) async fn book(&self) -> Booking {
        let booking = self.tenant.booking(Duration::from_secs(120));
        let booking = Booking { booked_at: domain::ports::Clock::now(&*self.clock), ..booking };
        self.memory.book(&booking).await.expect("the store is not lost");
        booking
    }

    /// Settles the outcome of a call's dial.
    pub(crate) async fn settle(&self, booking: &Booking, outcome: &DialOutcome) {
        let status = match outcome {
            DialOutcome::Placed(_) => CallStatus::InProgress,
            DialOutcome::NotDialled(NotDialledReason::Unavailable) => CallStatus::Failed,
            other => panic!("these tests have no {other:?}"),
        };
        let settlement = Settlement {
            call_id: &booking.identity.call_id,
            key: &booking.key,
            token: &booking.token,
            outcome,
            status,
            hold_for: Duration::from_secs(30),
            settled_at: booking.booked_at,
        };
        self.memory.settle(&settlement).await.expect("the store is not lost");
    }

    /// Books a call that is answered, under this conversation.
    pub(crate) async fn place(&self, reference: ProviderReference) -> Booking {
        let booking = self.book().await;
        self.settle(&booking, &DialOutcome::Placed(reference)).await;
        booking
    }

    /// Registers an endpoint for every kind of event.
    pub(crate) fn endpoint(&self) -> WebhookEndpoint {
        let endpoint = webhook_endpoint(&self.tenant.organization.id);
        self.memory.tables().endpoints.push(endpoint.clone());
        endpoint
    }

    /// A call in the ledger.
    pub(crate) fn call(&self, booking: &Booking) -> LedgerCall {
        self.memory.tables().call(&booking.identity.call_id).expect("the call is booked").clone()
    }
}

/// The error of a port that fails.
pub(crate) fn unavailable() -> PortUnavailable {
    PortUnavailable::new("store", "unavailable")
}

/// A user that no test stores.
pub(crate) fn stranger() -> UserId {
    UserId::parse(call_id().as_str()).expect("an id")
}
