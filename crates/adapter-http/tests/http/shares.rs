//! One organization at its limit leaves the others what they need.

use std::time::Duration;

use adapter_http::Authenticator;
use domain::{MaxShare, UserId};
use reqwest::RequestBuilder;
use serde_json::json;
use testkit::eventually;
use testkit::fixtures::Tenant;

use crate::running::{Options, Running, SECRET, hs256, send, soon, start_with};
use crate::world::{World, number, user};

const STREAM: &str = "/api/calls/events";

fn token(user: &UserId) -> String {
    let authenticator = Authenticator::new(hs256(&[SECRET])).expect("valid settings");
    authenticator.sign(user, Duration::from_secs(600)).expect("a token")
}

fn user_id(id: &str) -> UserId {
    UserId::parse(id).expect("a valid id")
}

/// A request for a call to this number.
fn call(gateway: &Running, user: &UserId, phone_number: &str) -> RequestBuilder {
    let body = json!({ "phoneNumber": phone_number }).to_string();
    gateway.anonymous_post().bearer_auth(token(user)).header("content-type", "application/json").body(body)
}

fn stream(gateway: &Running, user: &UserId) -> RequestBuilder {
    gateway.get(STREAM).bearer_auth(token(user))
}

/// Adds another user of the organization of `u1`, and another organization.
fn with_others(world: &World) -> Tenant {
    let other = Tenant::new();
    world.memory.import(&[user("u2"), number("o1", "u2", "+14165550101")]);
    world.memory.import(&other.records());
    other
}

/// Three of four permits, whether one user has them or two.
#[tokio::test]
async fn an_organization_at_its_share_of_the_calls_leaves_the_next_one_to_another() {
    for second_user in ["u1", "u2"] {
        let (world, phones) = World::ringing();
        let other = with_others(&world);
        let gateway = start_with(&world, Options { max_in_flight: 4, ..Options::default() }).await;
        let (first, second) = (user_id("u1"), user_id(second_user));
        let requests = [(&first, "+14165550120"), (&first, "+14165550121"), (&second, "+14165550122")];
        let mut calls: Vec<_> = requests
            .map(|(user, number)| tokio::spawn(send(call(&gateway, user, number))))
            .into_iter()
            .collect();
        eventually("three phones ring", async || phones.arrived() == 3).await;
        for user in [&first, &second] {
            let refused = soon(send(call(&gateway, user, "+14165550123"))).await;
            refused.assert_error(500, "SERVICE_UNAVAILABLE");
            refused.assert_retry_after();
            assert_eq!(refused.body["error"], "too many calls are in flight");
        }
        assert_eq!((phones.arrived(), world.memory.tables().calls.len()), (3, 3));
        calls.push(tokio::spawn(send(call(&gateway, &other.user.id, "+14165550124"))));
        eventually("the other organization's phone rings", async || phones.arrived() == 4).await;
        phones.release(5);
        for call in calls {
            assert_eq!(soon(call).await.expect("a response").status, 200);
        }
        eventually("no call is running", async || gateway.calls.in_flight() == 0).await;
        assert_eq!(soon(send(call(&gateway, &second, "+14165550123"))).await.status, 200);
    }
}

/// One percent of the streams: ten.
#[tokio::test]
async fn an_organization_at_its_share_of_the_streams_leaves_the_next_one_to_another() {
    let world = World::new();
    let other = with_others(&world);
    let max_share = MaxShare::from_percent(1).expect("a valid part");
    let gateway = start_with(&world, Options { max_share, ..Options::default() }).await;
    let users = [user_id("u1"), user_id("u2")];
    let mut streams = Vec::new();
    for n in 0..10 {
        let response = soon(stream(&gateway, &users[n % 2]).send()).await.expect("a response");
        assert_eq!(response.status(), 200);
        streams.push(response);
    }
    for user in &users {
        let refused = soon(send(stream(&gateway, user))).await;
        refused.assert_error(503, "TOO_MANY_STREAMS");
        refused.assert_retry_after();
    }
    let mut response = soon(stream(&gateway, &other.user.id).send()).await.expect("a response");
    assert_eq!(response.status(), 200);
    let opening = soon(response.chunk()).await.expect("a chunk").expect("the opening lines");
    assert!(opening.starts_with(b"retry: "));
    streams.clear();
    eventually("a stream of the organization is closed", async || {
        // The gateway notices a disconnected client when it sends a heartbeat.
        world.clock.advance(Duration::from_secs(15)).await;
        soon(stream(&gateway, &users[0]).send()).await.expect("a response").status() == 200
    })
    .await;
}
