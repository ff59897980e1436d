//! What the provider's record of a call means.
//!
//! A record of any size and depth is read within bounds: only the fields below are parsed. A field
//! that is missing or has an unexpected type counts as absent.

use domain::{
    CallId, CallStatus, CallUpdate, CarrierCallId, ConversationId, ConversationRecord, EndReason,
    ProviderCause, ProviderCode, Timestamp, UpdateContent,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::wire::CONCURRENCY_BLOCKED;
use crate::words::{self, Stage};

/// `GET /call/{id}` returns one, `GET /call` a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    customer: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    ended_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    started_at: Option<&'a RawValue>,
    #[serde(borrow)]
    ended_at: Option<&'a RawValue>,
    #[serde(borrow)]
    phone_call_provider_id: Option<&'a RawValue>,
    #[serde(borrow)]
    subscription_limits: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer<'a> {
    #[serde(borrow)]
    external_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionLimits<'a> {
    #[serde(borrow)]
    concurrency_blocked: Option<&'a RawValue>,
}

/// Whether a record belongs to the requested call, by the two fields that carry our call id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Requested,
    Other,
    /// One field has the id of the requested call, the other field has another id.
    Contradictory,
}

impl<'a> Record<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().and_then(object)
    }

    /// `None` unless every item is an object.
    pub(crate) fn parse_list(json: &'a [u8]) -> Option<Vec<Self>> {
        let items: Vec<&RawValue> = serde_json::from_slice(json).ok()?;
        items.into_iter().map(object).collect()
    }

    pub(crate) fn id(&self) -> Option<ConversationId> {
        text(self.id).and_then(|id| ConversationId::parse(&id).ok())
    }

    /// If one of the two fields is absent, the other decides.
    pub(crate) fn owner(&self, call_id: &CallId) -> Owner {
        let external_id =
            self.customer.and_then(object::<Customer<'_>>).and_then(|customer| text(customer.external_id));
        let is_requested = |id: Option<String>| id.map(|id| id == call_id.as_str());
        match (is_requested(text(self.name)), is_requested(external_id)) {
            (Some(true), Some(false)) | (Some(false), Some(true)) => Owner::Contradictory,
            (Some(true), _) | (_, Some(true)) => Owner::Requested,
            _ => Owner::Other,
        }
    }

    /// The content of the record; `None` if it has no status.
    ///
    /// It has no transcript and no time of answer: the provider documents no fields for them.
    pub(crate) fn update(&self) -> Option<CallUpdate> {
        let status = self.status()?;
        let (started_at, ended_at) = (timestamp(self.started_at), timestamp(self.ended_at));
        // If the callee did not answer, the two times are those of the ringing.
        let talked = started_at
            .zip(ended_at)
            .filter(|(started_at, ended_at)| status == CallStatus::Completed && ended_at >= started_at);
        Some(CallUpdate {
            conversation_id: self.id(),
            carrier_call_id: text(self.phone_call_provider_id).and_then(|id| CarrierCallId::parse(&id).ok()),
            content: UpdateContent::Conversation(ConversationRecord {
                duration_secs: talked
                    .and_then(|(started_at, ended_at)| ended_at.since(started_at).as_secs().try_into().ok()),
                started_at,
                // Also for a call that was not connected, which has no duration.
                ended_at: ended_at.filter(|_| status.is_final()),
                end_reason: self.end_reason(status),
                cause: self.cause(status),
                ..ConversationRecord::new(status)
            }),
        })
    }

    /// Why a call with this status ended.
    fn end_reason(&self, status: CallStatus) -> Option<EndReason> {
        let of_status = EndReason::of_status(status)?;
        let named = text(self.ended_reason).and_then(|reason| words::end_reason(&reason));
        Some(named.filter(|reason| reason.status() == status).unwrap_or(of_status))
    }

    /// The provider's reason. A blocked call has none of its own if it has not ended: it gets the code
    /// with which the same report in the response to a dial is refused.
    fn cause(&self, status: CallStatus) -> ProviderCause {
        let own = text(self.ended_reason).filter(|reason| !reason.trim().is_empty());
        let blocked =
            || (status == CallStatus::Failed && self.is_blocked()).then(|| CONCURRENCY_BLOCKED.to_owned());
        let carrier_status = own.as_deref().and_then(words::carrier_status);
        let code = own.or_else(blocked).map(|code| ProviderCode::from_untrusted(&code));
        ProviderCause { code, carrier_status }
    }

    /// Whether the call did not start because the limit of concurrent calls was reached.
    fn is_blocked(&self) -> bool {
        let limits = self.subscription_limits.and_then(object::<SubscriptionLimits<'_>>);
        limits.and_then(|limits| limits.concurrency_blocked).is_some_and(|blocked| blocked.get() == "true")
    }

    fn status(&self) -> Option<CallStatus> {
        Some(match words::stage(&text(self.status)?) {
            Stage::Queued if self.is_blocked() => CallStatus::Failed,
            Stage::Queued => CallStatus::Initiated,
            Stage::Rings => CallStatus::Ringing,
            Stage::Talks => CallStatus::InProgress,
            stage @ (Stage::Ended | Stage::Failed) => match text(self.ended_reason) {
                Some(reason) => words::end_reason(&reason).map_or(CallStatus::Failed, EndReason::status),
                None if self.is_blocked() || stage == Stage::Failed => CallStatus::Failed,
                None => CallStatus::Unknown,
            },
            // *Unknown* is not final, so the gateway asks for the call again.
            Stage::Gone | Stage::New => CallStatus::Unknown,
        })
    }
}

/// A derived `Deserialize` also accepts arrays, which are not records.
fn object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    serde_json::from_str(json.get()).ok().filter(|_| json.get().starts_with('{'))
}

fn text(json: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(json?.get()).ok()
}

fn timestamp(json: Option<&RawValue>) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(&text(json)?, &Rfc3339).ok()?;
    let millis = i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?;
    (millis > 0).then(|| Timestamp::from_unix_millis(millis))
}

#[cfg(test)]
mod tests;
