//! Every metric: its name, its type, its labels and what it means.
//!
//! A label has few values. No label is a number, a name, an id or an organization.

/// One metric.
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// The names of its labels, in their order.
    pub labels: &'static [&'static str],
    /// What it means, in one sentence without a full stop.
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The type, as Prometheus names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A dial that waits for the callee takes up to a minute and a half.
const DIAL: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0];
/// Conversations, and reports that come after them.
const LONG: &[f64] = &[1.0, 10.0, 60.0, 600.0, 1800.0, 3600.0, 21_600.0, 43_200.0, 86_400.0];
/// Requests that are answered by a machine.
const REQUEST: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0];

macro_rules! metrics {
    ($($constant:ident: $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)+) => {
        $(pub(crate) const $constant: Metric =
            Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)+

        /// Every metric that the gateway defines. The collector of the process adds `process_*`.
        pub const METRICS: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    CALLS: "outdial_calls_total", Kind::Counter, ["outcome", "provider"],
        "Dials by their outcome, and requests that were refused by a calling rule (`refused`)";
    DUPLICATES: "outdial_duplicates_prevented_total", Kind::Counter, ["by"],
        "Requests that did not dial, because an earlier call has their intent or their key, by where it was found";
    REFUSALS: "outdial_refusals_total", Kind::Counter, ["code"],
        "Requests that were refused because the call may not be made, once for each reason";
    RATE_LIMITED: "outdial_rate_limited_total", Kind::Counter, ["limit"],
        "Requests that were refused because calls start too fast or there are too many";
    PACING_WAIT: "outdial_pacing_wait_seconds", Kind::Histogram(REQUEST), [],
        "How long booked calls with a pace waited for their slot, or until they were withdrawn";
    DIAL_DURATION: "outdial_dial_duration_seconds", Kind::Histogram(DIAL), ["provider"],
        "From the request to the provider to its response";
    RING_DURATION: "outdial_ring_duration_seconds", Kind::Histogram(DIAL), ["provider"],
        "The same for calls that were placed or not connected, if the provider responds after the ringing";
    CONVERSATION_DURATION: "outdial_conversation_duration_seconds", Kind::Histogram(LONG), ["provider"],
        "How long completed conversations lasted, as the provider reports it";
    IN_FLIGHT: "outdial_calls_in_flight", Kind::Gauge, [],
        "Requests for calls that this process runs";
    CALLS_LIVE: "outdial_calls_live", Kind::Gauge, ["state"],
        "Calls in the ledger whose end is not known, without those of unknown outcome";
    CALLS_UNKNOWN: "outdial_calls_unknown", Kind::Gauge, [],
        "Calls in the ledger of unknown outcome that were not given up";
    OLDEST_UNKNOWN: "outdial_oldest_unknown_seconds", Kind::Gauge, [],
        "The age of the oldest of these calls; 0 without one";
    RECONCILED: "outdial_reconciled_total", Kind::Counter, ["found"],
        "Questions to the provider about a call, by what its records show";
    REQUESTS: "outdial_requests_total", Kind::Counter, ["route", "result"],
        "HTTP requests by their route and the code of their error";
    STORE_UP: "outdial_store_up", Kind::Gauge, ["store"],
        "1 if a store answered this process when it was last asked, otherwise 0";
    DATABASE_ERRORS: "outdial_database_errors_total", Kind::Counter, ["operation", "result"],
        "Operations of the database for calls that failed, or that a deadline cancelled";
    LOCK_ERRORS: "outdial_lock_errors_total", Kind::Counter, ["operation", "result"],
        "Operations of the store of locks that failed, or that a deadline cancelled";
    LOCK_RENEWALS: "outdial_lock_renewals_total", Kind::Counter, ["result"],
        "Renewals of a lock while its phone rings";
    INBOX_PENDING: "outdial_inbox_pending", Kind::Gauge, [],
        "Provider events that no worker has merged into the ledger, although they are due";
    INBOX_OLDEST: "outdial_inbox_oldest_seconds", Kind::Gauge, [],
        "For how long the oldest of these events has been due; 0 without one";
    INBOX_POSTPONED: "outdial_inbox_postponed", Kind::Gauge, [],
        "Provider events that a worker has, or that were postponed: their call is not found, or something failed";
    INBOX_POSTPONED_OLDEST: "outdial_inbox_postponed_oldest_seconds", Kind::Gauge, [],
        "The age of the oldest of these events; 0 without one";
    OUTBOX_PENDING: "outdial_outbox_pending", Kind::Gauge, [],
        "Call events that are not published";
    OUTBOX_OLDEST: "outdial_outbox_oldest_seconds", Kind::Gauge, [],
        "The age of the oldest of these events; 0 without one";
    DELIVERIES_PENDING: "outdial_deliveries_pending", Kind::Gauge, [],
        "Deliveries that are pending, those of suspended endpoints too";
    DELIVERIES_OLDEST: "outdial_deliveries_oldest_seconds", Kind::Gauge, [],
        "The age of the oldest pending delivery; 0 without one";
    DELIVERIES_DEAD: "outdial_deliveries_dead", Kind::Gauge, [],
        "Dead letters that are kept";
    DEAD_LETTERS: "outdial_dead_letters_total", Kind::Counter, [],
        "Deliveries that became dead letters";
    DELIVERIES: "outdial_deliveries_total", Kind::Counter, ["result"],
        "Attempts to deliver a call event";
    DELIVERY_DURATION: "outdial_delivery_duration_seconds", Kind::Histogram(REQUEST), ["result"],
        "How long these attempts took";
    EVENTS_LAG: "outdial_provider_events_lag_seconds", Kind::Histogram(LONG), ["kind"],
        "From the end of a call, by the provider's clock, to the merge of a report that has it";
    RETENTION_REMOVED: "outdial_retention_removed_total", Kind::Counter, ["kind"],
        "Rows and recordings that this process removed because of their age";
    RETENTION_LAST_RUN: "outdial_retention_last_run_timestamp_seconds", Kind::Gauge, [],
        "When this process last removed everything that was old enough; its start, if it never did";
    POOL_CONNECTIONS: "outdial_pool_connections", Kind::Gauge, ["pool", "state"],
        "Connections of this process to a store";
    POOL_MOST: "outdial_pool_connections_max", Kind::Gauge, ["pool"],
        "The most connections that the settings allow";
    POOL_WAITING: "outdial_pool_waiting", Kind::Gauge, ["pool"],
        "Operations of this process that wait for a connection";
    DRAINING: "outdial_draining_seconds", Kind::Gauge, [],
        "For how long this process has been shutting down; 0 while it serves";
    BUILD_INFO: "outdial_build_info", Kind::Gauge, ["version"],
        "Always 1";
}
