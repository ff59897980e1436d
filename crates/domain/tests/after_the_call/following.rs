use std::sync::Arc;
use std::time::Duration;

use domain::ports::{MockEventFeed, MockUserRepo, PortUnavailable};
use domain::{
    CallEvent, EventSequence, FollowCalls, Organization, OrganizationId, PersonName, ReadCallsError, User,
    UserId,
};

use crate::delivering::call_event;

const WAIT: Duration = Duration::from_secs(15);

fn user_id() -> UserId {
    UserId::parse("user").expect("an id")
}

fn users() -> MockUserRepo {
    let mut users = MockUserRepo::new();
    users.expect_find().returning(|id| {
        let name = PersonName::parse("a name").expect("plain text");
        let id_of_organization = OrganizationId::parse("organization").expect("an id");
        let organization = Organization { id: id_of_organization, name: name.clone() };
        Ok((*id == user_id()).then(|| User { id: id.clone(), organization, full_name: name }))
    });
    users
}

fn place(number: i64) -> EventSequence {
    EventSequence::from_number(number).expect("positive")
}

/// A feed with one event at place 7.
fn feed() -> MockEventFeed {
    let mut feed = MockEventFeed::new();
    feed.expect_newest().returning(|_| Ok(place(7)));
    feed.expect_read()
        .withf(|query| query.wait == WAIT && query.organization_id.as_str() == "organization")
        .returning(|query| {
            Ok([call_event()].into_iter().filter(|event| event.sequence > query.after).collect())
        });
    feed
}

async fn followed(last_seen: Option<EventSequence>) -> Vec<Vec<CallEvent>> {
    let use_case = FollowCalls::new(Arc::new(users()), Arc::new(feed()));
    let mut following = use_case.start(&user_id(), last_seen).await.expect("the user is known");
    let first = use_case.next(&mut following, WAIT).await.expect("the feed is there");
    let second = use_case.next(&mut following, WAIT).await.expect("the feed is there");
    vec![first, second]
}

#[tokio::test]
async fn whoever_was_away_gets_what_they_missed_once() {
    assert_eq!(followed(Some(place(6))).await, [vec![call_event()], vec![]]);
    assert_eq!(followed(Some(place(7))).await, [vec![], vec![]]);
}

/// The store is one of yesterday again, and gives places anew that a reader has seen.
#[tokio::test]
async fn whoever_saw_more_than_there_is_follows_what_comes() {
    let use_case = FollowCalls::new(Arc::new(users()), Arc::new(feed()));
    let following = use_case.start(&user_id(), Some(place(5000))).await.expect("the user is known");
    assert_eq!(following.sequence(), place(7));
}

#[tokio::test]
async fn whoever_begins_gets_what_comes() {
    assert_eq!(followed(None).await, [vec![], vec![]]);
}

#[tokio::test]
async fn nobody_else_follows() {
    let use_case = FollowCalls::new(Arc::new(users()), Arc::new(feed()));
    let stranger = UserId::parse("stranger").expect("an id");
    assert_eq!(use_case.start(&stranger, None).await, Err(ReadCallsError::UserNotFound));
    let mut lost = MockEventFeed::new();
    lost.expect_newest().return_const(Err(PortUnavailable::new("store", "away")));
    let use_case = FollowCalls::new(Arc::new(users()), Arc::new(lost));
    let answer = use_case.start(&user_id(), None).await;
    assert!(matches!(answer, Err(ReadCallsError::ServiceUnavailable(_))));
}
