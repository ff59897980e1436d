use proptest::prelude::*;

use super::*;

fn any_status() -> impl Strategy<Value = CallStatus> {
    prop::sample::select(CallStatus::ALL.to_vec())
}

#[test]
fn a_late_update_causes_its_events_in_order() {
    let steps = CallEventKind::between(CallStatus::Initiated, CallStatus::Completed);
    assert_eq!(steps, [CallEventKind::Answered, CallEventKind::Ended]);
    let steps = CallEventKind::between(CallStatus::InProgress, CallStatus::Completed);
    assert_eq!(steps, [CallEventKind::Ended]);
}

#[test]
fn a_call_without_an_answer_is_not_answered() {
    for end in [CallStatus::Failed, CallStatus::NoAnswer, CallStatus::Busy] {
        assert_eq!(CallEventKind::between(CallStatus::Initiated, end), [CallEventKind::Ended]);
    }
    assert_eq!(CallEventKind::between(CallStatus::Initiated, CallStatus::Unknown), []);
    assert_eq!(CallEventKind::between(CallStatus::Initiated, CallStatus::Ringing), []);
}

#[test]
fn ids_distinguish_ends_and_have_no_dot() {
    let call = CallId::parse("a.b").expect("an id");
    let id = |status| EventId::of(&call, CallEventKind::Ended, status);
    assert_ne!(id(CallStatus::Failed), id(CallStatus::Completed));
    assert!(!id(CallStatus::Completed).as_str().contains('.'));
}

proptest! {
    /// While the status rises, no event is caused twice.
    #[test]
    fn a_rising_status_causes_each_event_once(mut rise in prop::collection::vec(any_status(), 2..8)) {
        rise.sort();
        let events: Vec<_> = rise
            .windows(2)
            .flat_map(|pair| CallEventKind::between(pair[0], pair[1]).into_iter().map(|kind| (kind, pair[1])))
            .collect();
        for (i, one) in events.iter().enumerate() {
            prop_assert!(!events[..i].contains(one));
        }
    }
}
