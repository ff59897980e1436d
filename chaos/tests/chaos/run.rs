//! One part of a run: load and faults on one topology, then the check.

mod recovery;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use self::recovery::{probe, settle};
use super::checker::{Violation, check};
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
use super::world::{HOLD, MAX_IN_FLIGHT, World, private_lines};

/// What one part of a run did and found.
pub(crate) struct Outcome {
    pub(crate) topology: Topology,
    pub(crate) injected: Injected,
    pub(crate) requests: usize,
    pub(crate) dials: usize,
    /// The responses by status and code.
    pub(crate) responses: BTreeMap<String, usize>,
    /// Dials that were sent after a pause between the last check and the send.
    pub(crate) late_dials: usize,
    pub(crate) violations: Vec<Violation>,
}

/// The organizations whose events are followed, and the user who follows them.
const FOLLOWERS: [User; 2] = [User::First, User::Other];

/// What to run.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) topology: Topology,
    /// How long load and faults last.
    pub(crate) time: Duration,
    /// With a mutant, the stores have no faults, nothing is waited for after the last fault, and only
    /// what happened to the calls is judged.
    pub(crate) mutant: Option<Mutant>,
}

pub(crate) async fn run(Run { seed, topology, time, mutant }: Run) -> anyhow::Result<Outcome> {
    let mut rng = Rng::with_seed(seed);
    let mut lanes = Lane::of(topology);
    if mutant.is_some() {
        // While a store recovers, the checker excuses what it would otherwise find.
        lanes.retain(|lane| !lane.is_of_stores());
    }
    let plan = plan(&mut rng, topology, &lanes, time);
    let watch = Watch::start();
    let mut world = World::start(topology, mutant, watch, time).await?;
    world.gateways.recover().await?;
    let addresses = world.gateways.addresses();
    let client = Client::new()?;
    let (mut followers, mut receivers) = (Vec::new(), Vec::new());
    for user in FOLLOWERS {
        let receiver = Receiver::start(user.organization(), rng.fork()).await?;
        let url = json!({ "url": receiver.url() });
        let registered = client.post(addresses[0], user, "/api/webhook-endpoints", &url).await;
        anyhow::ensure!(matches!(registered, Reply::Response { status: 201, .. }), "{registered:?}");
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
    let (mut blocked, mut statuses, mut leaked) = Default::default();
    if mutant.is_none() {
        blocked = probe(&load).await;
        (statuses, leaked) = settle(&load, &mut view, &followers).await?;
    }

    let calls = view.calls().await?.into_iter().map(|call| (call.id.clone(), call)).collect();
    let tokens: Vec<&str> = User::ALL.iter().map(|user| client.token(*user)).collect();
    let evidence = Evidence {
        requests: load.history.all(),
        dials: world.dials(),
        calls,
        events: view.events().await?,
        statuses,
        streamed: followers.iter().map(|follower| (follower.organization, follower.streamed())).collect(),
        delivered: receivers.iter().map(|receiver| (receiver.organization, receiver.delivered())).collect(),
        samples: observer.stop(),
        disturbances: world.disturbances.all(),
        blocked,
        leaked,
        logged: private_lines(&world.gateways.logs(), &tokens)?,
        hold: HOLD,
        max_in_flight: MAX_IN_FLIGHT,
    };
    followers.iter().for_each(Follower::stop);
    receivers.iter().for_each(Receiver::stop);
    let late = evidence.dials.iter().filter(|dial| evidence.was_paused_before_its_send(dial));
    let mut violations = check(&evidence);
    if mutant.is_some() {
        violations.retain(|violation| violation.invariant.is_of_calls());
    }
    Ok(Outcome {
        topology,
        injected,
        requests: evidence.requests.len(),
        dials: evidence.dials.len(),
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
