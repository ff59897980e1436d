//! A dial that was given up may be delivered after its reservation has expired. The next request
//! asks the provider before it dials.

use rstest::rstest;
use simulator::Behaviour;
use testkit::eventually;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, Response, World};

const NUMBER: &str = "+14165550186";

/// The first response that is not *in flight*: the reservation of the earlier call has expired.
async fn call_after_the_reservation(client: &Client) -> Response {
    eventually("the reservation expires", async || {
        let response = client.call_number(NUMBER).await;
        (!response.is_in_flight()).then_some(response)
    })
    .await
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_the_provider_has_is_not_dialled_again(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
    #[values(Behaviour::DropConnection, Behaviour::ResetConnection)] behaviour: Behaviour,
) {
    let world = World::new(backing).await.with_short_lock().with_short_ringing();
    world.script(behaviour);
    let gateway = world.start().await;
    let unknown = gateway.client.call_number(NUMBER).await;
    unknown.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    let again = call_after_the_reservation(&gateway.client).await;
    assert!(again.is_duplicate(), "{}", again.body);
    assert_eq!(again.body["data"]["callId"], unknown.body["error"]["callId"], "{}", again.body);
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_the_provider_does_not_have_is_dialled(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock().with_short_ringing();
    // A proxy refuses: that is no refusal of the provider, which never got the request.
    world.script(Behaviour::ForeignHtml { status: 403 });
    let gateway = world.start().await;
    gateway.client.call_number(NUMBER).await.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    world.script(Behaviour::Answer { after_ms: 10 });
    let again = call_after_the_reservation(&gateway.client).await;
    assert!(again.is_new_call(), "{}", again.body);
    gateway.stop().await;
}
