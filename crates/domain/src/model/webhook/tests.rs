use super::*;
use crate::{AgentId, CallIdentity, CallStatus, ContactId, PhoneNumber, UserId};

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);
const POLICY: DeliveryPolicy = DeliveryPolicy {
    first_pause: Duration::from_secs(5),
    longest_pause: Duration::from_hours(6),
    given_up_after: Duration::from_hours(72),
    attempt_within: Duration::from_secs(15),
};

fn delivery(attempt: u32, number: u8) -> DueDelivery {
    let call_id = CallId::mint(1, [number; 8]);
    DueDelivery {
        endpoint_id: WebhookEndpointId::parse("endpoint").expect("an id"),
        url: WebhookUrl::parse("https://example.com/hook").expect("a URL"),
        secrets: vec![WebhookSecret::mint([7; 32])],
        event: CallEvent {
            identity: CallIdentity {
                organization_id: OrganizationId::parse("org").expect("an id"),
                call_id: call_id.clone(),
                user_id: UserId::parse("user").expect("an id"),
                contact_id: ContactId::parse("contact").expect("an id"),
                agent_id: AgentId::parse("agent").expect("an id"),
                from: PhoneNumber::parse("+14165550100").expect("a number"),
                to: PhoneNumber::parse("+14165550110").expect("a number"),
            },
            sequence: EventSequence::START,
            id: EventId::of(&call_id, CallEventKind::Ended, CallStatus::Completed),
            kind: CallEventKind::Ended,
            status: CallStatus::Completed,
            end_reason: None,
            conversation_id: None,
            metadata: None,
            happened_at: NOW,
        },
        attempt,
        queued_at: NOW,
    }
}

#[test]
fn pauses_grow_to_their_bound_and_end_after_three_days() {
    let (mut now, mut attempt, mut pauses) = (NOW, 1, Vec::new());
    while let Some(pause) = POLICY.pause_after(&delivery(attempt, 1), None, now) {
        pauses.push(pause);
        now = now.after(pause);
        attempt += 1;
    }
    assert!(pauses[0] >= POLICY.first_pause && pauses[0] <= POLICY.first_pause.mul_f64(1.2));
    assert!(pauses.iter().all(|pause| *pause <= POLICY.longest_pause.mul_f64(1.2)));
    assert!(pauses.windows(2).take(7).all(|pair| pair[1] > pair[0] * 2));
    let lasted = now.since(NOW);
    assert!(lasted > Duration::from_hours(64) && lasted < Duration::from_hours(72), "{lasted:?}");
    assert!((15..25).contains(&pauses.len()), "{}", pauses.len());
}

#[test]
fn deliveries_that_fail_together_come_again_apart() {
    let pauses: std::collections::BTreeSet<_> =
        (0..50).filter_map(|number| POLICY.pause_after(&delivery(5, number), None, NOW)).collect();
    assert!(pauses.len() > 40);
    let (first, last) = (pauses.first().expect("some"), pauses.last().expect("some"));
    assert!(last.as_secs_f64() / first.as_secs_f64() > 1.1);
}

#[test]
fn a_receiver_may_ask_for_a_longer_pause_within_bounds() {
    let asked = |secs| POLICY.pause_after(&delivery(1, 1), Some(Duration::from_secs(secs)), NOW);
    assert!(asked(600).expect("goes on") >= Duration::from_secs(600));
    assert!(asked(u64::MAX / 2).expect("goes on") <= POLICY.longest_pause.mul_f64(1.2));
}

#[test]
fn only_http_urls_are_taken() {
    for good in ["https://example.com/hook?x=1", "http://127.0.0.1:9/", "HTTPS://example.com"] {
        assert!(WebhookUrl::parse(good).is_ok(), "{good}");
    }
    let long = format!("https://{}", "a".repeat(2048));
    for bad in
        ["", "https://", "ftp://example.com", "https://exa mple.com", "https://example.com/\n", "é", &long]
    {
        assert!(WebhookUrl::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_url_has_one_canonical_spelling() {
    for (text, canonical) in [
        ("https://example.com/hook?x=1", "https://example.com/hook?x=1"),
        ("HTTPS://EXAMPLE.com/Hook?X=Y", "https://example.com/Hook?X=Y"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com?x=1", "https://example.com/?x=1"),
        ("https://example.com#top", "https://example.com/"),
        ("https://example.com/a#b/c?d", "https://example.com/a"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com:8443", "https://example.com:8443/"),
        ("https://[2001:DB8::1]:443/a", "https://[2001:db8::1]/a"),
    ] {
        let canonical = WebhookUrl::parse(canonical).expect("a URL");
        let url = WebhookUrl::parse(text).expect("a URL");
        assert!(url.canonical() == canonical, "{text}: {}", url.canonical().as_str());
        assert!(canonical.canonical() == canonical, "{text}");
    }
    let longest = WebhookUrl::parse(&format!("https://{}", "a".repeat(WebhookUrl::MAX_LEN - 8)));
    let longest = longest.expect("a URL");
    assert!(longest.canonical() == longest);
}

#[test]
fn secrets_and_urls_do_not_show_themselves() {
    let shown = format!("{:?}", delivery(1, 1));
    assert!(shown.contains("WebhookSecret(..)") && shown.contains("WebhookUrl(..)"));
    assert!(!shown.contains("example.com"));
    assert!(WebhookSecret::from_bytes(&[1; 23]).is_err() && WebhookSecret::from_bytes(&[1; 65]).is_err());
}

#[test]
fn failures_are_read_back() {
    for failure in [
        DeliveryFailure::Status(503),
        DeliveryFailure::TimedOut,
        DeliveryFailure::Unreachable,
        DeliveryFailure::ForbiddenAddress,
    ] {
        assert_eq!(DeliveryFailure::from_name(&failure.to_string()), Some(failure));
    }
    assert_eq!(DeliveryFailure::from_name("status-x"), None);
}
