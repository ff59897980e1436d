use std::time::Duration;

use super::*;
use crate::timeline::End;

fn call(index: usize) -> Arc<Call> {
    let dial = Dial {
        to_number: format!("+1416555{}", index % 2),
        user_id: Some(format!("user-{}", index % 2)),
        agent_id: String::new(),
        agent_phone_number_id: String::new(),
        ringing_timeout_secs: 60,
        received_at_ms: index as u64,
        rings_for_ms: 0,
        dynamic_variables: Map::new(),
        conversation_id: format!("conv-{index}"),
    };
    let timeline = Timeline {
        rings_for: Duration::ZERO,
        talks_for: Duration::ZERO,
        processed_for: Duration::ZERO,
        end: End::Answered,
    };
    Arc::new(Call::new(Provider::ElevenLabs, dial, String::new(), Map::new(), timeline))
}

#[test]
fn the_oldest_calls_are_removed_from_every_index() {
    let mut calls = Calls::default();
    (0..MAX_CALLS + 3).for_each(|index| calls.record(call(index)));
    assert_eq!(calls.kept.len(), MAX_CALLS);
    assert_eq!(calls.by_conversation.len(), MAX_CALLS);
    assert_eq!(calls.total_dials(), MAX_CALLS as u64 + 3);
    assert_eq!(calls.dials_to("+14165550"), MAX_CALLS / 2);
    assert!(calls.find(Provider::ElevenLabs, "conv-2").is_none());
    let oldest =
        calls.newest_first(Provider::ElevenLabs, Some("user-1"), None).last().expect("a call is left");
    assert_eq!(oldest.1.dial.conversation_id, "conv-3");
    assert_eq!(calls.find(Provider::ElevenLabs, "conv-3").map(|call| call.dial.received_at_ms), Some(3));
}

#[test]
fn a_reset_of_the_count_keeps_the_conversations() {
    let mut calls = Calls::default();
    calls.record(call(0));
    calls.reset_count();
    calls.record(call(2));
    assert_eq!((calls.total_dials(), calls.dials_to("+14165550")), (1, 1));
    assert_eq!(calls.dials(None).count(), 1);
    assert!(calls.find(Provider::ElevenLabs, "conv-0").is_some());
}
