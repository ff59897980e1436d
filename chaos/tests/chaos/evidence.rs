//! What a run left behind, for the checker.

use std::collections::BTreeMap;
use std::time::Duration;

use super::follower::Streamed;
use super::history::Request;
use super::intents::Intent;
use super::observer::Sample;
use super::receiver::Delivered;
use super::topology::Topology;
use super::view::{LedgerCall, LedgerEvent};

pub(crate) struct Evidence {
    pub(crate) topology: Topology,
    pub(crate) requests: Vec<Request>,
    pub(crate) dials: Vec<Dial>,
    /// Every call of the ledger by its id.
    pub(crate) calls: BTreeMap<String, LedgerCall>,
    /// In their order.
    pub(crate) events: Vec<LedgerEvent>,
    /// The status of each call, as its organization reads it at the end.
    pub(crate) statuses: BTreeMap<String, String>,
    pub(crate) streamed: Vec<(&'static str, Vec<Streamed>)>,
    pub(crate) delivered: Vec<(&'static str, Vec<Delivered>)>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) disturbances: Vec<Disturbance>,
    /// Intents for which no call was placed in time after the last fault.
    pub(crate) blocked: Vec<Intent>,
    /// Locks and reservations that still hold an intent long after the last dial.
    pub(crate) left_holds: usize,
    /// Gateways that ended without a fault that ends one.
    pub(crate) unexpected_ends: usize,
    /// Calls of one organization that another one could read.
    pub(crate) leaked: Vec<String>,
    /// Lines of the gateways' logs that contain personal data or a secret.
    pub(crate) logged: usize,
    /// The least time between the end of a ring and the next dial of the intent.
    pub(crate) hold: Duration,
    /// How long a reservation holds from its booking.
    pub(crate) reserved: Duration,
    /// How many calls one gateway may have in flight.
    pub(crate) max_in_flight: usize,
}

/// A dial that the provider accepted.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    pub(crate) at: Duration,
    /// When the gateway had done its last check.
    pub(crate) checked_at: Duration,
    pub(crate) rings_until: Duration,
    /// Whether the request had the ringing timeout of the settings.
    pub(crate) has_ringing_timeout: bool,
    pub(crate) call_id: String,
    pub(crate) conversation_id: String,
    pub(crate) number: String,
    /// The reason of the call, which names its request.
    pub(crate) reason: String,
}

/// A time in which a part did not work as usual, or could not be reached.
#[derive(Debug, Clone)]
pub(crate) struct Disturbance {
    pub(crate) part: Part,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A gateway was stopped or killed.
    Gateway(usize),
    /// The lock's store, or the way of all gateways to it.
    Locks,
    /// The clock by which reservations end.
    LedgerClock,
    /// The way of one gateway to the lock's store.
    LocksOf(usize),
}

impl Evidence {
    /// The request that made a dial.
    pub(crate) fn request_of(&self, dial: &Dial) -> Option<&Request> {
        self.requests.get(Request::number_in(&dial.reason)?)
    }

    pub(crate) fn is_disturbed(&self, part: Part, from: Duration, until: Duration) -> bool {
        let mut of_part = self.disturbances.iter().filter(|disturbance| disturbance.part == part);
        of_part.any(|disturbance| disturbance.from <= until && disturbance.until >= from)
    }

    /// The samples between these moments.
    pub(crate) fn samples_between(&self, from: Duration, until: Duration) -> &[Sample] {
        let begin = self.samples.partition_point(|sample| sample.from < from);
        let length = self.samples[begin..].partition_point(|sample| sample.until <= until);
        &self.samples[begin..begin + length]
    }

    /// Whether the gateway was stopped between its last check and the send, for longer than its
    /// reservation allows. No software can prevent such a dial: a documented limit.
    pub(crate) fn was_paused_before_its_send(&self, dial: &Dial) -> bool {
        let allowed = self.reserved.saturating_sub(self.hold).saturating_sub(dial.rings_until - dial.at);
        dial.at.saturating_sub(dial.checked_at) > allowed
            && self.request_of(dial).is_some_and(|request| {
                self.is_disturbed(Part::Gateway(request.gateway), dial.checked_at, dial.at)
            })
    }
}
