use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_default_agrees_with_itself() {
    let p = CallPolicy::default();
    assert_eq!(
        CallPolicy::new(
            p.before_dial,
            p.lock_ttl,
            p.renew_every,
            p.ringing_timeout,
            p.answer_margin,
            p.context_ttl
        ),
        Ok(p)
    );
    assert_eq!(p.reserve_for(), Duration::from_secs(120));
}

#[test]
fn no_phone_rings_past_the_reservation_whenever_the_provider_answers() {
    let p = CallPolicy::default();
    for answers in [AnswerTime::AfterRinging, AnswerTime::BeforeRinging] {
        assert_eq!(p.answer_within(answers) + p.hold_for(answers), p.reserve_for(), "{answers:?}");
    }
    assert_eq!(p.hold_for(AnswerTime::AfterRinging), SECOND * 30);
    assert_eq!(p.hold_for(AnswerTime::BeforeRinging), SECOND * 90);
}

#[test]
fn a_lock_that_one_lost_renewal_would_lose_is_refused() {
    let policy = CallPolicy::new(SECOND, SECOND * 19, SECOND * 10, SECOND, SECOND, SECOND);
    assert_eq!(policy, Err(EXPIRES_BETWEEN_RENEWALS));
}

#[test]
fn times_that_must_pass_are_not_zero() {
    for [before, lock, renew, ring] in [[0, 2, 1, 1], [1, 0, 0, 1], [1, 2, 0, 1], [1, 2, 1, 0]] {
        let policy =
            CallPolicy::new(SECOND * before, SECOND * lock, SECOND * renew, SECOND * ring, SECOND, SECOND);
        assert_eq!(policy, Err(ZERO));
    }
}
