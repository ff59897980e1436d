//! How many calls there are at the same time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{CallUpdater as _, CallWatch, FoundBy};
use domain::{
    CallStatus, CallUpdate, ConversationRecord, PlaceCallError, RateLimit, RefusalCode, UpdateContent,
};

use super::world::{World, limits};

#[tokio::test]
async fn an_organization_has_so_many_calls_at_the_same_time() {
    let world = World::new(limits(None, Some(2), None)).without_trunk();
    let first = world.place(0).await.expect("the first call");
    world.place(1).await.expect("the second call");
    let refused = PlaceCallError::RateLimited {
        limit: RateLimit::OrganizationCalls,
        retry_after: Duration::from_secs(10),
    };
    for _ in 0..2 {
        assert_eq!(world.place(2).await, Err(refused.clone()));
    }
    assert_eq!(world.memory.tables().calls.len(), 2, "nothing was booked");
    assert!(world.place(1).await.expect("a duplicate").deduplicated, "a duplicate is answered first");

    let ended = ConversationRecord::new(CallStatus::Completed);
    let ended = CallUpdate { content: UpdateContent::Conversation(ended), ..CallUpdate::unresolved() };
    world.memory.merge(&first.reference.call_id, &ended).await.expect("the call is stored");
    world.place(2).await.expect("one of the calls has ended");
    assert_eq!(world.place(3).await, Err(refused));
}

#[tokio::test]
async fn a_call_without_a_report_of_its_end_counts_for_two_hours() {
    let world = World::new(limits(None, Some(1), None)).without_trunk();
    world.place(0).await.expect("the first call");
    world.clock.advance(Duration::from_hours(2)).await;
    world.place(1).await.expect_err("it may have not ended");
    world.clock.advance(Duration::from_millis(1)).await;
    world.place(1).await.expect("it must have ended");
}

#[tokio::test]
async fn a_trunk_has_so_many_calls_at_the_same_time() {
    let world = World::new(limits(None, None, Some(1)));
    world.place(0).await.expect("the first call");
    let refused =
        PlaceCallError::RateLimited { limit: RateLimit::TrunkCalls, retry_after: Duration::from_secs(10) };
    assert_eq!(world.place(1).await, Err(refused));
    let world = world.without_trunk();
    world.place(1).await.expect("it is over no trunk");
}

/// What a watch is called with.
#[derive(Default)]
struct Seen {
    duplicates: Mutex<Vec<FoundBy>>,
    limits: Mutex<Vec<RateLimit>>,
}

impl CallWatch for Seen {
    fn duplicate(&self, found_by: FoundBy) {
        self.duplicates.lock().expect("no panic").push(found_by);
    }

    fn refused(&self, codes: &[RefusalCode]) {
        panic!("no rule refuses a call, and not with {codes:?}");
    }

    fn rate_limited(&self, limit: RateLimit) {
        self.limits.lock().expect("no panic").push(limit);
    }

    fn waited(&self, time: Duration) {
        panic!("without a pace, no call waits for {time:?}");
    }
}

/// The call that holds the intent may be the one that reaches the limit. Its duplicate is one, and not a
/// request that the limit refuses.
#[tokio::test]
async fn a_duplicate_beyond_the_limit_is_counted_as_a_duplicate() {
    let seen = Arc::new(Seen::default());
    let world = World::new(limits(None, Some(1), None)).without_trunk().watched_by(seen.clone());
    world.place(0).await.expect("the first call");
    assert!(world.place(0).await.expect("a duplicate").deduplicated);
    world.place(1).await.expect_err("another call");
    assert_eq!(*seen.duplicates.lock().expect("no panic"), [FoundBy::Lock]);
    assert_eq!(*seen.limits.lock().expect("no panic"), [RateLimit::OrganizationCalls]);
}
