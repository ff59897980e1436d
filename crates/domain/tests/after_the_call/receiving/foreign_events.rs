//! Events about calls of other systems.

use domain::ProviderAgentId;
use domain::ports::{CallLookup, EventOrigin, KnownParties, ProviderEvent};

use super::{World, call_id, event, recorded, update};
use crate::world::unavailable;

/// Several systems share a workspace of the provider, which sends each of them the events of all.
#[tokio::test]
async fn an_event_of_another_system_is_closed_immediately() {
    let agent = Some(ProviderAgentId::parse("agent_1").expect("an id"));
    let of_agent = EventOrigin { provider_agent_id: agent, ..EventOrigin::default() };
    let with_other_id = EventOrigin { has_other_id: true, ..of_agent.clone() };
    let ours = KnownParties { agent: true, numbers: true };
    let named = CallLookup { call_id: Some(call_id()), ..event(None).lookup };
    let cases = [
        ("an id that is in no ledger", ProviderEvent { lookup: named, ..event(Some(update())) }, ours, true),
        (
            "an id of another form",
            ProviderEvent { origin: with_other_id, ..event(Some(update())) },
            ours,
            true,
        ),
        ("no id and no agent", event(Some(update())), ours, false),
    ];
    let by_parties = [(false, false, true), (true, false, false), (false, true, false), (true, true, false)];
    let by_parties = by_parties.map(|(agent, numbers, is_foreign)| {
        let event = ProviderEvent { origin: of_agent.clone(), ..event(Some(update())) };
        ("an agent", event, KnownParties { agent, numbers }, is_foreign)
    });
    for (name, event, known, is_foreign) in cases.into_iter().chain(by_parties) {
        let world =
            || World { read: Ok(event.clone()), located: Ok(None), known: Ok(known), ..World::working() };
        let (applied, accepted) = match is_foreign {
            true => ("close without a call", vec!["accept", "close without a call"]),
            false => ("postpone 1 s", vec!["accept"]),
        };
        assert_eq!(world().apply().await.1, [applied], "{name}, {known:?}");
        let received = world().receive().await;
        assert_eq!(received.0, Ok(None), "{name}, {known:?}");
        assert_eq!(received.1, accepted, "{name}, {known:?}");
        // Its call is in the ledger, whatever else the event says.
        let found = World { located: Ok(Some(call_id())), ..world() };
        assert_eq!(found.apply().await.1, ["merge", "close with its call"], "{name}");
    }
}

#[tokio::test]
async fn a_recording_of_another_system_is_dropped_and_one_that_may_be_ours_waits() {
    let agent = Some(ProviderAgentId::parse("agent_1").expect("an id"));
    let origin = EventOrigin { provider_agent_id: agent, ..EventOrigin::default() };
    let read = ProviderEvent { origin, ..recorded() };
    for (agent, step) in [(false, "close without a call, dropping its body"), (true, "postpone 1 s")] {
        let known = Ok(KnownParties { agent, numbers: false });
        let world = World { read: Ok(read.clone()), located: Ok(None), known, ..World::working() };
        assert_eq!(world.apply().await.1, [step]);
    }
}

/// The directory may be unavailable for a moment: the event is not taken for a foreign one.
#[tokio::test]
async fn an_event_whose_origin_cannot_be_looked_up_stays_open() {
    let agent = Some(ProviderAgentId::parse("agent_1").expect("an id"));
    let origin = EventOrigin { provider_agent_id: agent, ..EventOrigin::default() };
    let read = Ok(ProviderEvent { origin, ..event(Some(update())) });
    let world =
        || World { read: read.clone(), located: Ok(None), known: Err(unavailable()), ..World::working() };
    assert_eq!(world().apply().await, (Err(unavailable()), vec!["postpone 1 s".to_owned()]));
    assert_eq!(world().receive().await, (Ok(None), vec!["accept".to_owned()]));
}
