//! A replica: its process, with the requests that it runs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Context;

use domain::ports::{
    Background, BackgroundWork, CallLedger, Clock, IdempotencyLock, Identifiers, ProviderRecords,
};
use domain::{
    CallId, CallPolicy, ConsentId, ContactId, DestinationRules, OwnerToken, PlaceCall, PlaceCallPorts,
    SuppressionId, VendorSecret, WebhookEndpointId, WebhookSecret,
};

use crate::clocks::FrozenClock;
use crate::gate::{Gate, Network};
use crate::gated::Gated;
use crate::history::Process;
use crate::mutants::{Mutant, Mutated};
use crate::provider::{Line, Provider};

/// What all processes share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) provider: Provider,
    pub(crate) network: Network,
    pub(crate) ids: Arc<Ids>,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) has_records: bool,
}

impl Surroundings {
    /// The records of the provider, if it has any.
    pub(crate) fn records(&self) -> Option<Arc<dyn ProviderRecords>> {
        self.has_records.then(|| Arc::new(self.provider.clone()) as Arc<dyn ProviderRecords>)
    }
}

/// Ids that no process makes twice.
#[derive(Default)]
pub(crate) struct Ids(AtomicU32);

/// One life of a replica.
pub(crate) struct Replica {
    pub(crate) process: Process,
    pub(crate) gate: Gate,
    pub(crate) place_call: PlaceCall,
    /// What the process runs.
    pub(crate) tasks: Vec<BackgroundWork>,
    background: Arc<Spawned>,
}

impl Replica {
    pub(crate) fn start(process: Process, around: &Surroundings) -> Self {
        let Surroundings { provider, network, ids, mutant, .. } = around;
        let gate = Gate::new(&provider.time, network);
        let background = Arc::new(Spawned::default());
        let (redis, postgres) = (&provider.stores.redis, &provider.stores.postgres);
        let mut lock: Arc<dyn IdempotencyLock> = Arc::new(redis.clone());
        let mut ledger: Arc<dyn CallLedger> = Arc::new(postgres.clone());
        let mut clock: Arc<dyn Clock> = provider.time.clone();
        match *mutant {
            Some(Mutant::OwnershipCheck) => clock = Arc::new(FrozenClock(provider.time.clone())),
            Some(mutant) => {
                lock = Arc::new(Mutated { store: redis.clone(), mutant });
                ledger = Arc::new(Mutated { store: postgres.clone(), mutant });
            }
            None => {}
        }
        let line = Line { provider: provider.clone(), gate: gate.clone(), process };
        let ports = PlaceCallPorts {
            directory: Arc::new(postgres.clone()),
            contacts: Arc::new(postgres.clone()),
            lock: Arc::new(Gated { gate: gate.clone(), port: lock }),
            ledger: Arc::new(Gated { gate: gate.clone(), port: ledger }),
            keys: Arc::new(postgres.clone()),
            provider: Arc::new(line),
            contexts: Arc::new(redis.clone()),
            clock,
            identifiers: ids.clone(),
            rules: Arc::new(testkit::rules::ScriptedRules::default()),
        };
        let place_call = PlaceCall::new(ports, CallPolicy::default(), DestinationRules::default())
            .with_background(background.clone());
        let place_call = match around.records() {
            Some(records) => place_call.with_records(records, Arc::new(postgres.clone())),
            None => place_call,
        };
        Self { process, gate, place_call, tasks: Vec::new(), background }
    }

    /// Runs every task until it waits, unless the process is paused. Stops at a crash.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) {
        let mut index = 0;
        while index < self.tasks.len() && !self.gate.is_paused() && !self.gate.has_crashed() {
            if self.tasks[index].as_mut().poll(context).is_ready() {
                drop(self.tasks.remove(index));
            } else {
                index += 1;
            }
            self.tasks.append(&mut self.background.0.lock().expect("no panic"));
        }
    }
}

#[derive(Default)]
struct Spawned(Mutex<Vec<BackgroundWork>>);

impl Background for Spawned {
    fn run(&self, work: BackgroundWork) {
        self.0.lock().expect("no panic").push(work);
    }
}

impl Ids {
    pub(crate) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

impl Identifiers for Ids {
    fn call_id(&self) -> CallId {
        CallId::mint(self.next(), [0; 8])
    }

    fn contact_id(&self) -> ContactId {
        ContactId::mint(self.next(), [0; 8])
    }

    fn suppression_id(&self) -> SuppressionId {
        SuppressionId::mint(self.next(), [0; 8])
    }

    fn consent_id(&self) -> ConsentId {
        ConsentId::mint(self.next(), [0; 8])
    }

    fn owner_token(&self) -> OwnerToken {
        OwnerToken::mint(u128::from(self.next()).to_be_bytes())
    }

    fn webhook_endpoint_id(&self) -> WebhookEndpointId {
        WebhookEndpointId::mint(self.next(), [0; 8])
    }

    fn webhook_secret(&self) -> WebhookSecret {
        WebhookSecret::from_bytes(&[0; 32]).expect("32 bytes")
    }

    fn tool_secret(&self) -> VendorSecret {
        VendorSecret::mint([0; 32])
    }
}
