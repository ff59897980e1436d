use crate::{AgentId, CallId, CallReference, ContactId, PhoneNumber, ProviderReference, UserId};

use super::*;

const A_SECOND: Duration = Duration::from_secs(1);

fn key(n: u32) -> IntentKey {
    let user = UserId::parse(&format!("user-{n}")).expect("an id");
    let (contact, agent) = (ContactId::parse("contact-1"), AgentId::parse("agent-1"));
    let to = PhoneNumber::parse("+14165550110").expect("a number");
    IntentKey::new(&user, &contact.expect("an id"), &agent.expect("an id"), &to)
}

fn token(n: u8) -> OwnerToken {
    OwnerToken::mint([n; 16])
}

fn placed() -> SettledCall {
    SettledCall::Placed(CallReference::new(CallId::mint(1, [1; 8]), ProviderReference::default()))
}

#[test]
fn an_intent_is_held_until_its_time() {
    let intents = HeldIntents::default();
    let acquire = |n, now, until| intents.acquire(&key(1), &token(n), now, until);
    assert_eq!(acquire(1, A_SECOND, A_SECOND * 4), HoldResult::Granted);
    assert_eq!(acquire(2, A_SECOND * 2, A_SECOND * 9), HoldResult::InFlight { remaining: A_SECOND * 2 });
    assert_eq!(intents.acquire(&key(2), &token(2), A_SECOND, A_SECOND * 9), HoldResult::Granted);
    assert_eq!(acquire(2, A_SECOND * 4, A_SECOND * 9), HoldResult::Granted);
}

#[test]
fn a_result_is_held_for_its_own_time() {
    let intents = HeldIntents::default();
    let acquire = |now| intents.acquire(&key(1), &token(2), now, A_SECOND * 99);
    assert_eq!(intents.acquire(&key(1), &token(1), A_SECOND, A_SECOND * 9), HoldResult::Granted);
    intents.settle(&key(1), &token(1), placed(), A_SECOND * 3);
    assert_eq!(acquire(A_SECOND * 2), HoldResult::Settled(placed()));
    assert_eq!(acquire(A_SECOND * 3), HoldResult::Granted);
}

#[test]
fn an_unknown_outcome_is_undecided_for_as_long_as_the_intent_is_held() {
    let intents = HeldIntents::default();
    let acquire = |now| intents.acquire(&key(1), &token(2), now, A_SECOND * 99);
    assert_eq!(intents.acquire(&key(1), &token(1), A_SECOND, A_SECOND * 9), HoldResult::Granted);
    intents.leave_undecided(&key(1), &token(2));
    assert_eq!(acquire(A_SECOND * 2), HoldResult::InFlight { remaining: A_SECOND * 7 }, "another owner");
    intents.leave_undecided(&key(1), &token(1));
    assert_eq!(acquire(A_SECOND * 2), HoldResult::Undecided { remaining: A_SECOND * 7 });
    assert_eq!(acquire(A_SECOND * 9), HoldResult::Granted);
}

#[test]
fn only_the_owner_changes_an_intent() {
    let intents = HeldIntents::default();
    assert_eq!(intents.acquire(&key(1), &token(1), A_SECOND, A_SECOND * 9), HoldResult::Granted);
    intents.settle(&key(1), &token(2), placed(), A_SECOND);
    intents.release(&key(1), &token(2));
    let held = HoldResult::InFlight { remaining: A_SECOND * 7 };
    assert_eq!(intents.acquire(&key(1), &token(2), A_SECOND * 2, A_SECOND * 9), held);
    intents.release(&key(1), &token(1));
    assert_eq!(intents.acquire(&key(1), &token(2), A_SECOND * 2, A_SECOND * 9), HoldResult::Granted);
}

#[test]
fn expired_intents_do_not_accumulate() {
    let intents = HeldIntents::default();
    for second in 0..10_000 {
        let now = A_SECOND * second;
        assert_eq!(intents.acquire(&key(second), &token(1), now, now + A_SECOND), HoldResult::Granted);
    }
    assert!(intents.table().intents.len() <= SMALL);
}

#[test]
fn an_intent_is_held_beyond_its_time_while_its_call_runs() {
    let intents = HeldIntents::default();
    let acquire = |n| intents.acquire(&key(1), &token(n), A_SECOND * 9, A_SECOND * 99);
    assert_eq!(intents.acquire(&key(1), &token(1), A_SECOND, A_SECOND * 4), HoldResult::Granted);
    let (owner, other) = ((key(1), token(1)), (key(1), token(2)));
    drop(intents.run(&other.0, &other.1));
    let running = intents.run(&owner.0, &owner.1);
    assert_eq!(acquire(2), HoldResult::InFlight { remaining: A_SECOND });
    drop(running);
    assert_eq!(acquire(2), HoldResult::Granted);
}
