use std::sync::Arc;
use std::time::Duration;

use adapter_webhook::{HttpWebhookSender, WebhookSenderSettings};
use anyhow::Context as _;
use domain::ports::{
    CallUpdater, Clock, ProviderRecordings, ProviderRecords, ProviderWebhook, RecordingStore, VendorAccounts,
    WebhookSender,
};
use domain::{
    CalleeRecords, CalleeRecordsPorts, DeliverWebhooks, DeliverWebhooksPorts, FollowCalls, OptOutsOfUpdates,
    PersonalizeCall, PersonalizeCallPorts, PlaceCallPorts, ReadCalls, ReadDirectory, ReceiveEvent,
    ReceiveEventPorts, Reconcile, RecordOptOut, RecordOptOutPorts, RecoverRecordings, RecoverRecordingsPorts,
    RefusalLog, RemoveOldData, RemoveOldDataPorts, RemoveReservations, WebhookRegistry, WebhookRegistryPorts,
};
use tokio::sync::Notify;

use super::{Stores, Vendors};
use crate::config::{Deliveries, Settings, Synchronization};
use crate::instruments::Instruments;
use crate::metrics::RetentionMetrics;
use crate::pausing_recordings::PausingRecordings;
use crate::workers::{PublishTimes, Retention, Workers};

/// The use cases that follow a dial.
pub(crate) struct AfterTheCall {
    /// Receives provider events, if a secret is configured that verifies them.
    pub(crate) receive_event: Option<Arc<ReceiveEvent>>,
    /// Notified when an event was stored.
    pub(crate) accepted: Arc<Notify>,
    /// Identifies callers, if a secret is configured that verifies the question.
    pub(crate) personalize: Option<Arc<PersonalizeCall>>,
    pub(crate) read_calls: Arc<ReadCalls>,
    pub(crate) read_directory: Arc<ReadDirectory>,
    pub(crate) refusals: Arc<RefusalLog>,
    pub(crate) follow_calls: Arc<FollowCalls>,
    pub(crate) webhooks: Arc<WebhookRegistry>,
    pub(crate) callee_records: Arc<CalleeRecords>,
    pub(crate) opt_outs: Arc<RecordOptOut>,
    /// Merges reports about calls, and records the opt-outs in them.
    pub(crate) updater: Arc<dyn CallUpdater>,
}

/// How the voice provider reports on calls.
pub(crate) struct ProviderReports {
    pub(crate) webhook: Option<Arc<dyn ProviderWebhook>>,
    pub(crate) records: Option<Arc<dyn ProviderRecords>>,
    pub(crate) recordings: Option<Arc<dyn ProviderRecordings>>,
    /// The accounts that organizations have of their own.
    pub(crate) accounts: Arc<dyn VendorAccounts>,
}

/// The time limit for connecting to a webhook endpoint.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl AfterTheCall {
    /// Builds the use cases on their ports, and starts the workers.
    pub(crate) fn start(
        settings: &Settings,
        stores: &Stores,
        ports: &PlaceCallPorts,
        reports: ProviderReports,
        instruments: &Instruments,
        workers: &Workers,
    ) -> anyhow::Result<Self> {
        let database = stores.database();
        let updater = instruments.updater(stores.updater(workers.written()), &ports.clock);
        let opt_outs = RecordOptOutPorts {
            suppressions: database.clone(),
            updater: updater.clone(),
            contexts: ports.contexts.clone(),
            identifiers: ports.identifiers.clone(),
            clock: ports.clock.clone(),
        };
        let opt_outs = RecordOptOut::new(opt_outs, settings.destinations.clone(), &settings.opt_out_value_id);
        let opt_outs = Arc::new(opt_outs);
        let updater: Arc<dyn CallUpdater> = Arc::new(OptOutsOfUpdates::new(updater, opt_outs.clone()));
        let ProviderReports { webhook, records, recordings: recorded, accounts } = reports;
        let recordings = settings.recordings.as_ref().map(adapter_object_store::open).transpose();
        let recordings = recordings.context("OUTDIAL_RECORDINGS_URL")?;
        let sender = instruments.sender(sender(&settings.deliveries)?);
        let accepted = Arc::new(Notify::new());
        let receive_event = webhook.clone().map(|webhook| {
            let receive_event = ReceiveEvent::new(ReceiveEventPorts {
                webhook,
                inbox: database.clone(),
                updater: updater.clone(),
                contexts: ports.contexts.clone(),
                opt_outs: opt_outs.clone(),
                recordings: recordings.clone().map(|store| pausing(store, ports.clock.clone())),
                clock: ports.clock.clone(),
            });
            Arc::new(receive_event.with_accounts(accounts.clone()))
        });
        if let Some(receive_event) = &receive_event {
            workers.apply_events(receive_event.clone(), accepted.clone());
        }
        let (unfinished, clock) = (database.clone(), ports.clock.clone());
        let reconcile =
            Reconcile::new(unfinished, updater.clone(), records, clock, settings.reconcile_times());
        workers.reconcile(reconcile, settings.reconciliation.every);
        if let (Some(provider), Some(recordings)) = (recorded, &recordings) {
            let ports = RecoverRecordingsPorts {
                unfinished: database.clone(),
                updater: updater.clone(),
                provider,
                recordings: recordings.clone(),
                clock: ports.clock.clone(),
            };
            let recover =
                RecoverRecordings::new(ports, settings.reconcile_times(), settings.recording_max_bytes);
            workers.recover_recordings(recover, settings.reconciliation.every);
        }
        let (ledger, keys) = (ports.ledger.clone(), ports.keys.clone());
        workers.remove_reservations(RemoveReservations::new(ledger, keys, settings.keep_keys_for));
        if settings.retention.remove_something() {
            let (retention, clock) = (database.clone(), ports.clock.clone());
            let old = RemoveOldDataPorts { retention, recordings: recordings.clone(), clock: clock.clone() };
            let metrics = instruments.metrics().map(|metrics| RetentionMetrics::new(metrics, clock.now()));
            let remove = RemoveOldData::new(old, settings.retention);
            workers.remove_old_data(Retention { remove, leases: database.clone(), clock, metrics });
        }
        let deliver_webhooks = DeliverWebhooksPorts {
            feed: database.clone(),
            queue: instruments.queue(database.clone()),
            sender: sender.clone(),
            clock: ports.clock.clone(),
        };
        let deliver_webhooks = DeliverWebhooks::new(deliver_webhooks, settings.deliveries.policy());
        let publish = PublishTimes {
            every: settings.deliveries.publish_every,
            pause: settings.deliveries.publish_pause,
        };
        workers.publish_and_deliver(&Arc::new(deliver_webhooks), publish, settings.process.max_share);
        if let Some(metrics) = instruments.metrics() {
            let every = settings.observation.ledger_every;
            workers.measure_ledger(database.clone(), database.clone(), metrics, ports.clock.clone(), every);
            workers.watch_stores(Arc::new(stores.clone()), metrics, every);
        }
        let Synchronization { every, apply } = settings.synchronization;
        if !every.is_zero()
            && let Some(vendors) = Vendors::of(settings, stores)?
        {
            workers.check_vendors(vendors.sync, database.clone(), every, apply);
        }
        let personalize = webhook.map(|webhook| {
            let directory = database.clone();
            let (contexts, clock) = (ports.contexts.clone(), ports.clock.clone());
            let ports = PersonalizeCallPorts { webhook, directory, contexts, clock };
            let personalize = PersonalizeCall::new(ports, settings.policy.context_ttl());
            Arc::new(personalize.with_accounts(accounts.clone()))
        });
        let refusals = Arc::new(RefusalLog::new(database.clone(), database.clone(), ports.clock.clone()));
        workers.write_refusals(refusals.clone());
        let callee_records = CalleeRecordsPorts {
            users: database.clone(),
            contacts: ports.contacts.clone(),
            suppressions: database.clone(),
            consents: database.clone(),
            identifiers: ports.identifiers.clone(),
            clock: ports.clock.clone(),
        };
        Ok(Self {
            callee_records: Arc::new(CalleeRecords::new(callee_records, settings.destinations.clone())),
            opt_outs,
            updater,
            receive_event,
            accepted,
            personalize,
            read_calls: Arc::new(ReadCalls::new(database.clone(), stores.history(), recordings)),
            read_directory: Arc::new(ReadDirectory::new(database.clone(), database.clone())),
            refusals,
            follow_calls: Arc::new(FollowCalls::new(database.clone(), database.clone())),
            webhooks: Arc::new(WebhookRegistry::new(WebhookRegistryPorts {
                users: database.clone(),
                endpoints: database.clone(),
                queue: database.clone(),
                sender,
                identifiers: ports.identifiers.clone(),
                clock: ports.clock.clone(),
            })),
        })
    }
}

/// Pauses storing after a failure, so that a store that needs half a minute to fail does not delay
/// every event behind a recording.
fn pausing(store: Arc<dyn RecordingStore>, clock: Arc<dyn Clock>) -> Arc<dyn RecordingStore> {
    Arc::new(PausingRecordings::new(store, clock))
}

fn sender(deliveries: &Deliveries) -> anyhow::Result<Arc<dyn WebhookSender>> {
    let settings = WebhookSenderSettings {
        allow_private: deliveries.allow_private,
        attempt_within: deliveries.timeout,
        connect_within: deliveries.timeout.min(CONNECT_TIMEOUT),
    };
    Ok(Arc::new(HttpWebhookSender::new(settings)?))
}
