//! What must happen after the last fault.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::checker::has_ended;
use crate::follower::Follower;
use crate::history::{Kind, Reply};
use crate::intents::{GENERATION, Intent, SLOTS, User};
use crate::load::Load;
use crate::view::{LedgerCall, LedgerEvent, View};
use crate::world::RESERVED;

/// How long an intent may be blocked after the last fault: by a reservation whose end a step of a
/// clock has delayed, and then while the provider is asked.
const BLOCKED: Duration = RESERVED.saturating_add(Duration::from_secs(20));
/// How long calls may take to get their end, and events to arrive, after that.
const SETTLED: Duration = Duration::from_secs(60);
/// How many calls are read at the same time.
const CONCURRENT: usize = 16;

/// Calls every intent of the last two generations until it gets a call: a new one, or the call that
/// the provider has placed for it. Returns those that got none in time.
pub(super) async fn probe(load: &Load) -> Vec<Intent> {
    let now = load.watch.now();
    let deadline = now + BLOCKED;
    let intents: BTreeSet<Intent> = [now, now.saturating_sub(GENERATION)]
        .into_iter()
        .flat_map(|moment| (0..SLOTS).map(move |slot| load.intent(slot, moment)))
        .collect();
    let probes = intents.into_iter().enumerate().map(|(index, intent)| async move {
        let gateway = index % load.gateways.len();
        loop {
            let reply = load.request(intent, Kind::Call, gateway, None).await;
            if matches!(reply, Reply::Response { status: 200, .. }) {
                return None;
            }
            if load.watch.now() > deadline {
                return Some(intent);
            }
            sleep(Duration::from_millis(500)).await;
        }
    });
    join_all(probes).await.into_iter().flatten().collect()
}

/// What the run looks like when every call has its end.
pub(super) struct Settled {
    pub(super) calls: BTreeMap<String, LedgerCall>,
    pub(super) events: Vec<LedgerEvent>,
    pub(super) statuses: BTreeMap<String, String>,
    /// The calls that another organization could read.
    pub(super) leaked: Vec<String>,
    /// The locks and reservations that still hold an intent.
    pub(super) left_holds: usize,
}

impl Settled {
    /// The calls and events as they are now. No status is read.
    pub(super) async fn unread(view: &mut View) -> anyhow::Result<Self> {
        let calls = view.calls().await?.into_iter().map(|call| (call.id.clone(), call)).collect();
        let (statuses, leaked) = (BTreeMap::new(), Vec::new());
        Ok(Self { calls, events: view.events().await?, statuses, leaked, left_holds: 0 })
    }
}

/// Waits until every call has an end, every event has arrived and no intent is held, or for
/// [`SETTLED`].
pub(super) async fn settle(
    load: &Load,
    view: &mut View,
    followers: &[Follower],
    dialled: &BTreeSet<String>,
) -> anyhow::Result<Settled> {
    let mut deadline = None;
    let (mut statuses, mut leaked) = (BTreeMap::new(), Vec::new());
    loop {
        let calls = view.calls().await?;
        let is_done = |call: &LedgerCall, statuses: &BTreeMap<String, String>| {
            statuses.get(&call.id).is_some_and(|status| has_ended(status, dialled.contains(&call.id)))
        };
        let open: Vec<&LedgerCall> = calls.iter().filter(|call| !is_done(call, &statuses)).collect();
        for some in open.chunks(CONCURRENT) {
            for (call, (status, is_leaked)) in
                some.iter().zip(join_all(some.iter().map(|call| read(load, call))).await)
            {
                statuses.extend(status.map(|status| (call.id.clone(), status)));
                leaked.extend(is_leaked.then(|| call.id.clone()));
            }
        }
        let events = view.events().await?;
        let streamed: BTreeSet<u64> =
            followers.iter().flat_map(Follower::streamed).map(|event| event.sequence).collect();
        let have_arrived =
            events.iter().all(|event| event.sequence.is_some_and(|sequence| streamed.contains(&sequence)));
        let left_holds = left_holds(view).await?;
        let is_settled = calls.iter().all(|call| is_done(call, &statuses))
            && have_arrived
            && left_holds == 0
            && view.pending_deliveries().await? == 0;
        // The first pass reads every call, which takes a while.
        let deadline = *deadline.get_or_insert_with(|| load.watch.now() + SETTLED);
        if is_settled || load.watch.now() > deadline {
            let calls = calls.into_iter().map(|call| (call.id.clone(), call)).collect();
            return Ok(Settled { calls, events, statuses, leaked, left_holds });
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// The status of a call as its organization reads it, and whether another organization can read it.
async fn read(load: &Load, call: &LedgerCall) -> (Option<String>, bool) {
    let (owner, other) = match call.organization == User::Other.organization() {
        true => (User::Other, User::First),
        false => (User::First, User::Other),
    };
    let path = format!("/api/calls/{}", call.id);
    let (own, foreign) = tokio::join!(
        load.client.get(load.gateways[0], owner, &path),
        load.client.get(load.gateways[0], other, &path)
    );
    let status = match own {
        Reply::Response { status: 200, body: Some(body) } => {
            body["call"]["status"].as_str().map(str::to_owned)
        }
        _ => None,
    };
    (status, matches!(foreign, Reply::Response { status: 200, .. }))
}

async fn left_holds(view: &mut View) -> anyhow::Result<usize> {
    let reservations = view.reservations().await?;
    let held = reservations.values().filter(|reservation| !reservation.is_over).count();
    Ok(view.locks().await?.len() + held)
}
