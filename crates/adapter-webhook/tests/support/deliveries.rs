//! Deliveries and senders.

use std::time::Duration;

use adapter_webhook::{HttpWebhookSender, WebhookSenderSettings};
use domain::ports::SendOutcome;
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, ConversationId,
    DeliveryFailure, DueDelivery, EventId, EventSequence, OrganizationId, PhoneNumber, Timestamp, UserId,
    WebhookEndpointId, WebhookSecret, WebhookUrl,
};

/// 2025-10-09T08:53:20Z
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_760_000_000_900);

pub(crate) fn settings(allow_private: bool) -> WebhookSenderSettings {
    WebhookSenderSettings {
        allow_private,
        attempt_within: Duration::from_millis(700),
        connect_within: Duration::from_millis(400),
    }
}

/// A sender that may send to this machine.
pub(crate) fn open_sender() -> HttpWebhookSender {
    HttpWebhookSender::new(settings(true)).expect("the settings are valid")
}

pub(crate) fn event() -> CallEvent {
    let call_id = CallId::parse("665000000707070707070707").expect("an id");
    CallEvent {
        identity: CallIdentity {
            organization_id: OrganizationId::parse("org_1").expect("an id"),
            call_id: call_id.clone(),
            user_id: UserId::parse("user_1").expect("an id"),
            contact_id: ContactId::parse("contact_1").expect("an id"),
            agent_id: AgentId::parse("agent_1").expect("an id"),
            from: PhoneNumber::parse("+14165550100").expect("a number"),
            to: PhoneNumber::parse("+14165550123").expect("a number"),
        },
        sequence: EventSequence::from_number(7).expect("not negative"),
        id: EventId::of(&call_id, CallEventKind::Ended, CallStatus::Completed),
        kind: CallEventKind::Ended,
        status: CallStatus::Completed,
        end_reason: None,
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        metadata: None,
        happened_at: Timestamp::from_unix_millis(1_759_999_999_123),
    }
}

pub(crate) fn url(text: &str) -> WebhookUrl {
    WebhookUrl::parse(text).expect("a URL")
}

/// The first attempt to send the event to this URL.
pub(crate) fn delivery(to: &str) -> DueDelivery {
    DueDelivery {
        endpoint_id: WebhookEndpointId::parse("endpoint_1").expect("an id"),
        url: url(to),
        secrets: vec![WebhookSecret::mint([1; 32])],
        event: event(),
        attempt: 1,
        queued_at: NOW,
    }
}

pub(crate) fn failed(failure: DeliveryFailure) -> SendOutcome {
    SendOutcome::Failed { failure, retry_after: None }
}
