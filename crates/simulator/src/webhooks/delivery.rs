//! When events are sent, how they are signed, and when they are sent again.

use super::post::Post;
use super::{Target, WebhookDelivery, WebhookScript};
use crate::calls::Call;
use crate::elevenlabs::events_of;
use crate::state::State;
use actix_web::rt::spawn;
use aws_lc_rs::hmac;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// From the end of a call to its webhooks.
const LAG: Duration = Duration::from_millis(100);
/// The provider's pauses of 30 s, 2, 8 and 30 min, in a thirtieth of the time.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16), Duration::from_secs(60)];
/// How old a stale signature is, in seconds.
const STALE_BY_SECS: u64 = 40 * 60;

/// One event.
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) conversation_id: String,
    pub(crate) body: Vec<u8>,
    pub(crate) chunked: bool,
    /// Whether it is sent again when the receiver fails.
    pub(crate) retried: bool,
}

/// Sends the events of a call when it is over, if anybody wants any by then.
pub(crate) fn follow(state: &Arc<State>, call: &Arc<Call>, script: WebhookScript) {
    let Some(over_after) = call.timeline.over_after() else { return };
    if state.webhooks().target.is_none() {
        return;
    }
    let sent_after = over_after.saturating_add(state.scaled(LAG));
    let (state, call) = (Arc::clone(state), Arc::clone(call));
    spawn(async move {
        sleep(sent_after).await;
        deliver(&state, &call, script).await;
    });
}

/// Sends the events of a call now. When this returns, each has been sent once.
pub(crate) async fn deliver(state: &Arc<State>, call: &Call, script: WebhookScript) {
    for event in events_of(call, script) {
        let event = Arc::new(event);
        for _ in 0..if script.duplicate { 2 } else { 1 } {
            let status = attempt(state, &event, script, 1).await;
            if event.retried && !script.dropped && is_worth_another(status) {
                spawn(attempt_again(Arc::clone(state), Arc::clone(&event), script));
            }
        }
    }
}

async fn attempt_again(state: Arc<State>, event: Arc<Event>, script: WebhookScript) {
    for (pause, number) in PAUSES.into_iter().zip(2..) {
        sleep(state.scaled(pause)).await;
        if !is_worth_another(attempt(&state, &event, script, number).await) {
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
    state.webhooks().log(delivery);
    status
}

async fn send(target: &Target, event: &Event, script: WebhookScript) -> Option<u16> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let signed_at = if script.stale { now - STALE_BY_SECS } else { now };
    let key = if script.bad_signature { &target.wrong_key } else { &target.key };
    let signature = signature(key, signed_at, &event.body);
    let post = Post {
        address: target.address,
        path: &target.path,
        signature: &signature,
        body: &event.body,
        chunked: event.chunked,
    };
    match post.send().await {
        Ok(status) => Some(status),
        Err(error) => {
            tracing::debug!(%error, "a webhook was not answered");
            None
        }
    }
}

/// `t=<Unix seconds>,v0=<hex>`, over the time, a point, and the body.
fn signature(key: &hmac::Key, signed_at: u64, body: &[u8]) -> String {
    let mut signing = hmac::Context::with_key(key);
    signing.update(signed_at.to_string().as_bytes());
    signing.update(b".");
    signing.update(body);
    let digits: String = signing.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={signed_at},v0={digits}")
}

/// The provider gives up on any other status, and on success too.
fn is_worth_another(status: Option<u16>) -> bool {
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
