//! What must happen after the last fault.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::checker::ENDED;
use crate::follower::Follower;
use crate::history::{Kind, Reply};
use crate::intents::{Intent, SLOTS, User};
use crate::load::Load;
use crate::view::View;
use crate::world::RESERVED;

/// How long an intent may be blocked after the last fault: by a reservation whose end a step of a
/// clock has delayed, and then while the provider is asked.
const BLOCKED: Duration = RESERVED.saturating_add(Duration::from_secs(20));
/// How long calls may take to get their end, and events to arrive, after that.
const SETTLED: Duration = Duration::from_secs(60);

/// Calls every intent until it gets a call. Returns those that got none in time.
pub(super) async fn probe(load: &Load) -> Vec<Intent> {
    let deadline = load.watch.now() + BLOCKED;
    let probes = (0..SLOTS).map(|slot| async move {
        let (intent, gateway) = (load.intent(slot), slot % load.gateways.len());
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

/// Waits until every call has an end and every event has arrived, or for [`SETTLED`]. Returns the
/// status of each call, and the calls that another organization could read.
pub(super) async fn settle(
    load: &Load,
    view: &mut View,
    followers: &[Follower],
) -> anyhow::Result<(BTreeMap<String, String>, Vec<String>)> {
    let deadline = load.watch.now() + SETTLED;
    let mut statuses = BTreeMap::new();
    let mut leaked = Vec::new();
    loop {
        let calls = view.calls().await?;
        for call in &calls {
            if statuses.get(&call.id).is_some_and(|status: &String| ENDED.contains(&status.as_str())) {
                continue;
            }
            let (owner, other) = match call.organization == User::Other.organization() {
                true => (User::Other, User::First),
                false => (User::First, User::Other),
            };
            let path = format!("/api/calls/{}", call.id);
            if let Reply::Response { status: 200, body: Some(body) } =
                load.client.get(load.gateways[0], owner, &path).await
            {
                let status = body["call"]["status"].as_str().unwrap_or_default().to_owned();
                statuses.insert(call.id.clone(), status);
            }
            if !matches!(
                load.client.get(load.gateways[0], other, &path).await,
                Reply::Response { status: 404, .. }
            ) {
                leaked.push(call.id.clone());
            }
        }
        let have_ended = calls
            .iter()
            .all(|call| statuses.get(&call.id).is_some_and(|status| ENDED.contains(&status.as_str())));
        let events = view.events().await?;
        let streamed: BTreeSet<u64> =
            followers.iter().flat_map(|follower| follower.streamed()).map(|event| event.sequence).collect();
        let have_arrived =
            events.iter().all(|event| event.sequence.is_some_and(|sequence| streamed.contains(&sequence)));
        if have_ended && have_arrived && view.pending_deliveries().await? == 0 || load.watch.now() > deadline
        {
            return Ok((statuses, leaked));
        }
        sleep(Duration::from_millis(500)).await;
    }
}
