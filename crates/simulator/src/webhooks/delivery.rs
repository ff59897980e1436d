//! When events are sent, how they are signed, and when they are sent again.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::spawn;
use aws_lc_rs::hmac;
use tokio::time::sleep;

use super::post::Post;
use super::{Target, WebhookDelivery, WebhookScript};
use crate::calls::Call;
use crate::elevenlabs::events_of;
use crate::state::State;
use crate::timeline::unix_now_secs;

/// The time from the end of a call to its webhooks.
const DELAY_AFTER_CALL: Duration = Duration::from_millis(100);
/// The provider's retry schedule of 30 s, 2, 8 and 30 min, 30 times as fast.
const RETRY_DELAYS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16), Duration::from_secs(60)];
const STALE_SIGNATURE_AGE_SECS: u64 = 40 * 60;

pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) conversation_id: String,
    pub(crate) body: Vec<u8>,
    pub(crate) chunked: bool,
    /// Whether it is sent again after a failed attempt.
    pub(crate) retried: bool,
}

/// Starts a task that sends the events of a call when it is over, if webhooks are configured now.
pub(crate) fn send_events_after_call(state: &Arc<State>, call: &Arc<Call>, script: WebhookScript) {
    let Some(ends_after) = call.timeline.ends_after() else { return };
    if state.webhooks().target.is_none() {
        return;
    }
    let delay = ends_after.saturating_add(state.scaled(DELAY_AFTER_CALL));
    let (state, call) = (Arc::clone(state), Arc::clone(call));
    spawn(async move {
        sleep(delay).await;
        send_events(&state, &call, script).await;
    });
}

/// Sends each event of a call once, and starts a task for the retries of those that fail.
pub(crate) async fn send_events(state: &Arc<State>, call: &Call, script: WebhookScript) {
    for event in events_of(call, script) {
        let event = Arc::new(event);
        for _ in 0..if script.duplicate { 2 } else { 1 } {
            let status = attempt(state, &event, script, 1).await;
            if event.retried && !script.dropped && should_retry(status) {
                spawn(retry(Arc::clone(state), Arc::clone(&event), script));
            }
        }
    }
}

async fn retry(state: Arc<State>, event: Arc<Event>, script: WebhookScript) {
    for (delay, number) in RETRY_DELAYS.into_iter().zip(2..) {
        sleep(state.scaled(delay)).await;
        if !should_retry(attempt(&state, &event, script, number).await) {
            return;
        }
    }
}

async fn attempt(state: &State, event: &Event, script: WebhookScript, number: usize) -> Option<u16> {
    let target = state.webhooks().target.clone()?;
    let status = if script.dropped { None } else { send(&target, event, script).await };
    let delivery = WebhookDelivery {
        kind: event.kind.to_owned(),
        conversation_id: event.conversation_id.clone(),
        attempt: number,
        sent: !script.dropped,
        status,
        at_ms: state.now_ms(),
    };
    state.webhooks().record(delivery);
    status
}

async fn send(target: &Target, event: &Event, script: WebhookScript) -> Option<u16> {
    let now = unix_now_secs();
    let signed_at = if script.stale { now - STALE_SIGNATURE_AGE_SECS } else { now };
    let key = if script.bad_signature { &target.wrong_key } else { &target.key };
    let signature = signature(key, signed_at, &event.body);
    let post = Post {
        address: target.address,
        path: &target.path,
        signature: &signature,
        body: &event.body,
        chunked: event.chunked,
    };
    let sent = post.send().await.inspect_err(|error| {
        let conversation_id = &event.conversation_id;
        tracing::debug!(%error, conversation_id, kind = event.kind, "a webhook got no response");
    });
    sent.ok()
}

/// `t=<Unix seconds>,v0=<hex HMAC>`, where the HMAC covers the seconds, a dot and the body.
fn signature(key: &hmac::Key, signed_at: u64, body: &[u8]) -> String {
    let mut signing = hmac::Context::with_key(key);
    signing.update(signed_at.to_string().as_bytes());
    signing.update(b".");
    signing.update(body);
    let digits: String = signing.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={signed_at},v0={digits}")
}

/// The provider does not retry after any other status.
fn should_retry(status: Option<u16>) -> bool {
    status.is_none_or(|status| status >= 500 || matches!(status, 408 | 429))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_providers() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"wsec_0123");
        assert_eq!(
            signature(&key, 1_739_537_297, br#"{"type":"post_call_transcription"}"#),
            "t=1739537297,v0=5982133e103e91bc1214911c4cd9494d750cac52ca462a1ab0a82f7a90a42a69"
        );
    }
}
