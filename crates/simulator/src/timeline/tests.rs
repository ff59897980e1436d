use super::*;

fn timeline(end: End) -> Timeline {
    let second = Duration::from_secs(1);
    Timeline { rings_for: 2 * second, talks_for: 3 * second, processed_for: second, end }
}

#[test]
fn an_answered_call_goes_through_every_step_once() {
    let call = timeline(End::Answered);
    let steps: Vec<Step> = (0..8).map(|second| call.step(Duration::from_secs(second))).collect();
    use Step::{Done, InProgress, Initiated, Processing};
    assert_eq!(steps, [Initiated, Initiated, InProgress, InProgress, InProgress, Processing, Done, Done]);
}

#[test]
fn a_failed_call_rings_and_fails_and_a_ringing_one_keeps_ringing() {
    let failure = Failure { code: 486, reason: String::new(), error_type: "" };
    let failed = timeline(End::Failed(failure));
    assert_eq!(failed.step(Duration::from_secs(1)), Step::Initiated);
    assert_eq!(failed.step(Duration::from_secs(2)), Step::Failed);
    assert_eq!(timeline(End::KeepsRinging).step(Duration::from_secs(9_999)), Step::Initiated);
}
