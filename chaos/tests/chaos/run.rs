//! One part of a run: load and faults on one topology, then the check.

mod recovery;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use self::recovery::{Settled, probe, settle};
use super::checker::{Violation, check, watched_locks};
use super::client::Client;
use super::evidence::Evidence;
use super::fault::Lane;
use super::follower::Follower;
use super::gateway::Mutant;
use super::history::{History, Reply};
use super::inject::{Injected, inject};
use super::intents::User;
use super::load::Load;
use super::observer::Observer;
use super::receiver::Receiver;
use super::schedule::plan;
use super::topology::Topology;
use super::watch::Watch;
use super::world::{HOLD, MAX_IN_FLIGHT, RESERVED, World, private_lines};

/// What one part of a run did and found.
pub(crate) struct Outcome {
    pub(crate) topology: Topology,
    pub(crate) injected: Injected,
    pub(crate) requests: usize,
    pub(crate) dials: usize,
    /// The dials whose lock was watched to their end: nothing excused its loss.
    pub(crate) watched: usize,
    /// The responses by status and code.
    pub(crate) responses: BTreeMap<String, usize>,
    /// Dials that were sent after a pause between the last check and the send.
    pub(crate) late_dials: usize,
    pub(crate) violations: Vec<Violation>,
}

/// The organizations whose events are followed, and the user who follows them.
const FOLLOWERS: [User; 2] = [User::First, User::Other];

/// One fault can break many promises.
const MOST_SHOWN: usize = 50;

/// What to run.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) topology: Topology,
    /// How long load and faults last.
    pub(crate) time: Duration,
    pub(crate) mutant: Option<Mutant>,
    /// Only the faults of [`Lane::OF_CALLS`] are injected, nothing is waited for after the last fault,
    /// and only what happened to the calls is judged. For mutants: while a store recovers, the checker
    /// excuses what it would otherwise find.
    pub(crate) only_calls: bool,
}

pub(crate) async fn run(Run { seed, topology, time, mutant, only_calls }: Run) -> anyhow::Result<Outcome> {
    let mut rng = Rng::with_seed(seed);
    let lanes = if only_calls { Lane::OF_CALLS.to_vec() } else { Lane::of(topology) };
    let plan = plan(&mut rng, topology, &lanes, time);
    let watch = Watch::start();
    let mut world = World::start(topology, mutant, watch, time).await?;
    world.gateways.recover().await?;
    let addresses = world.gateways.addresses();
    let client = Client::new()?;
    let (mut followers, mut receivers, mut secrets) = (Vec::new(), Vec::new(), client.all_tokens());
    for user in FOLLOWERS {
        let receiver = Receiver::start(user.organization(), rng.fork()).await?;
        let url = json!({ "url": receiver.url() });
        let registered = client.post(addresses[0], user, "/api/webhook-endpoints", &url).await;
        let Reply::Response { status: 201, body: Some(body) } = registered else {
            anyhow::bail!("no endpoint was registered: {registered:?}");
        };
        secrets.extend(body["secret"].as_str().map(str::to_owned));
        receivers.push(receiver);
        followers.push(Follower::start(&client, user, &addresses, rng.fork()));
    }
    let mut view = world.stores.view();
    let observer = Observer::start(&view, watch);
    // The schedule begins now, not when the stores began to start.
    let begins = watch.now();
    let load = Load {
        client: client.clone(),
        history: History::default(),
        watch,
        begins,
        gateways: addresses,
        clients_wait: !only_calls,
        stopped: Arc::default(),
    };

    let mut shifted = plan;
    for planned in &mut shifted {
        planned.from += begins;
        planned.until += begins;
    }
    let mut clients = load.start(&mut rng);
    let injected = inject(&mut world, &shifted, begins, begins + time).await?;
    load.stop();
    while clients.join_next().await.is_some() {
        world.gateways.look()?;
    }
    world.gateways.recover().await?;
    let (mut blocked, mut settled) = (Vec::new(), Settled::unread(&mut view).await?);
    if !only_calls {
        blocked = probe(&load).await;
        let dialled = world.dials()?.into_iter().map(|dial| dial.call_id).collect();
        settled = settle(&load, &mut view, &followers, &dialled).await?;
    }
    let evidence = Evidence {
        topology,
        requests: load.history.all(),
        dials: world.dials()?,
        calls: settled.calls,
        events: settled.events,
        statuses: settled.statuses,
        streamed: followers.iter().map(|follower| (follower.organization, follower.streamed())).collect(),
        delivered: receivers.iter().map(|receiver| (receiver.organization, receiver.delivered())).collect(),
        samples: observer.stop(),
        disturbances: world.disturbances.all(),
        blocked,
        left_holds: settled.left_holds,
        unexpected_ends: world.gateways.unexpected_ends,
        leaked: settled.leaked,
        logged: private_lines(&world.gateways.logs(), &secrets)?,
        hold: HOLD,
        reserved: RESERVED,
        max_in_flight: MAX_IN_FLIGHT,
    };
    followers.iter().for_each(Follower::stop);
    receivers.iter().for_each(Receiver::stop);
    let late = evidence.dials.iter().filter(|dial| evidence.was_paused_before_its_send(dial));
    let mut violations = check(&evidence);
    if only_calls {
        violations.retain(|violation| violation.invariant.is_of_calls());
    }
    if !violations.is_empty() && mutant.is_none() {
        violations
            .iter()
            .take(MOST_SHOWN)
            .for_each(|violation| crate::say(&format!("VIOLATION: {violation}")));
        crate::say(&format!("the logs are in {}", world.keep().display()));
    }
    Ok(Outcome {
        topology,
        injected,
        requests: evidence.requests.len(),
        dials: evidence.dials.len(),
        watched: watched_locks(&evidence),
        responses: responses(&evidence),
        late_dials: late.count(),
        violations,
    })
}

fn responses(evidence: &Evidence) -> BTreeMap<String, usize> {
    let mut responses = BTreeMap::new();
    for request in &evidence.requests {
        *responses.entry(request.response()).or_default() += 1;
    }
    responses
}
