//! Requests with an idempotency key: the call that the key has answers them.

use std::time::Duration;

use super::answer::in_flight;
use super::command::RequestedCallee;
use super::deadline::Deadline;
use super::resolve::Parties;
use super::{PlaceCall, PlaceCallCommand, PlaceCallError, PlacedCall};
use crate::ports::{KeyBinding, KeyedCall, KeyedDial, PortUnavailable};
use crate::{
    Booking, CallPurpose, CallReference, CallStatus, IntentKey, KeyedRequest, NotConnectedReason,
    PhoneNumber, RequestDigest, UserId, VariableValue, WrittenNumber,
};

/// The wait after which a key whose call was not dialled meanwhile may be sent again.
const A_MOMENT: Duration = Duration::from_secs(1);

const NOT_BOUND: &str = "the idempotency key was not bound in the time before the dial";
const NOT_READ: &str = "the call of the idempotency key was not read in the time before the dial";

type Answer = Result<PlacedCall, PlaceCallError>;

impl PlaceCallCommand {
    /// The key of this request and what the request says.
    pub(super) fn keyed(&self) -> Option<KeyedRequest> {
        let key = self.idempotency_key.clone()?;
        Some(KeyedRequest { key, digest: self.digest() })
    }

    /// What the client wrote. The defaults of the organization are not part of it, such as the country of
    /// a number without `+`: they may change before the client repeats the request.
    fn digest(&self) -> RequestDigest {
        // Every field is named here, so that the compiler asks about a new one.
        let Self {
            user_id: _,
            callee,
            agent_id,
            from_number,
            reason,
            variables,
            metadata,
            purpose,
            subject,
            idempotency_key: _,
        } = self;
        let contact_id = match callee {
            RequestedCallee::Contact(id, _) => Some(id),
            RequestedCallee::Number(_) => None,
        };
        let number = callee.written().map(WrittenNumber::without_separators);
        let texts = [
            ("contact", contact_id.map(|id| id.as_str())),
            ("number", number.as_deref()),
            ("agent", agent_id.as_ref().map(|id| id.as_str())),
            ("from", from_number.as_ref().map(PhoneNumber::as_e164)),
            ("reason", reason.as_ref().map(|reason| reason.as_str())),
            ("purpose", purpose.map(CallPurpose::as_str)),
            ("subject", subject.as_ref().map(|subject| subject.as_str())),
            ("metadata", metadata.as_ref().map(|metadata| metadata.as_json())),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text?.as_bytes().to_vec())));
        let variables = variables.iter().flat_map(|(name, value)| {
            let value = match value {
                VariableValue::Text(text) => ("text", text.as_bytes().to_vec()),
                VariableValue::Integer(number) => ("integer", number.to_be_bytes().to_vec()),
                VariableValue::Decimal(number) => ("decimal", number.to_bits().to_be_bytes().to_vec()),
                VariableValue::Boolean(is_true) => ("boolean", vec![u8::from(*is_true)]),
            };
            [("variable", name.as_bytes().to_vec()), value]
        });
        let fields: Vec<(&str, Vec<u8>)> = texts.chain(variables).collect();
        RequestDigest::of(fields.iter().map(|(name, value)| (*name, value.as_slice())))
    }
}

impl PlaceCall {
    /// What the call of a key answers a request with this key. An outcome that is not known stays
    /// unknown until a report decides it, whatever its age.
    fn answer_of(call: KeyedCall, request: &KeyedRequest) -> Answer {
        let KeyedCall { digest, reference, dial, status, failure } = call;
        if digest != request.digest {
            return Err(PlaceCallError::KeyReused);
        }
        match dial {
            KeyedDial::Dialling { reserved_for: Some(remaining) } => Err(in_flight(remaining)),
            KeyedDial::Placed => Ok(PlacedCall { reference, deduplicated: true, replayed: true }),
            KeyedDial::NotConnected => Err(not_connected(reference, failure, status)),
            KeyedDial::Dialling { reserved_for: None } | KeyedDial::Unknown => match status {
                CallStatus::InProgress | CallStatus::Completed => {
                    Ok(PlacedCall { reference, deduplicated: true, replayed: true })
                }
                CallStatus::Failed | CallStatus::NoAnswer | CallStatus::Busy => {
                    Err(not_connected(reference, failure, status))
                }
                CallStatus::Initiated | CallStatus::Ringing | CallStatus::Unknown => {
                    Err(PlaceCallError::StillUnknown { call_id: reference.call_id })
                }
            },
        }
    }

    /// The answer of the call that the key has, if it has one.
    pub(super) async fn find_by_key(
        &self,
        user: &UserId,
        request: Option<&KeyedRequest>,
    ) -> Result<Option<Answer>, PortUnavailable> {
        let Some(request) = request else { return Ok(None) };
        let call = self.ports.keys.find(user, &request.key).await?;
        Ok(call.map(|call| Self::answer_of(call, request)))
    }

    /// The answer to a request whose key got a call after the request had looked for it.
    pub(super) async fn answer_by_key(&self, booking: &Booking, deadline: &Deadline) -> Answer {
        let finding = self.find_by_key(&booking.identity.user_id, booking.keyed.as_ref());
        let found = deadline.limit(finding).await.ok_or_else(|| PlaceCallError::too_late(NOT_READ))??;
        // Without a call: it was not dialled, and its settlement has freed the key.
        found.unwrap_or_else(|| Err(in_flight(A_MOMENT)))
    }

    /// Binds the key of a request that an earlier call of its intent answers to that call. Without
    /// this, the same request would dial once that call holds the intent no longer.
    pub(super) async fn bound(&self, parties: &Parties, answer: Answer, deadline: &Deadline) -> Answer {
        let intent = parties.intent();
        let binding = self.bind(&parties.user.id, parties.keyed.as_ref(), &intent, answer);
        deadline.limit(binding).await.unwrap_or_else(|| Err(PlaceCallError::too_late(NOT_BOUND)))
    }

    /// The same, in the time of the caller.
    pub(super) async fn bind(
        &self,
        user: &UserId,
        request: Option<&KeyedRequest>,
        intent: &IntentKey,
        answer: Answer,
    ) -> Answer {
        let (Some(request), Some(reference)) = (request, answered_by(&answer)) else { return answer };
        let binding = KeyBinding { user, request, call_id: &reference.call_id, intent };
        match self.ports.keys.bind(&binding).await? {
            None => answer,
            Some(call) => Self::answer_of(call, request),
        }
    }
}

/// The earlier call whose result this is, unless the key itself named that call.
fn answered_by(answer: &Answer) -> Option<&CallReference> {
    match answer {
        Ok(PlacedCall { reference, replayed: false, .. })
        | Err(PlaceCallError::NotConnected { reference, .. }) => Some(reference),
        _ => None,
    }
}

fn not_connected(
    reference: CallReference,
    failure: Option<NotConnectedReason>,
    status: CallStatus,
) -> PlaceCallError {
    let reason = failure.unwrap_or(match status {
        CallStatus::Busy => NotConnectedReason::Busy,
        CallStatus::NoAnswer => NotConnectedReason::NoAnswer,
        _ => NotConnectedReason::Failed,
    });
    PlaceCallError::NotConnectedBefore { reference, reason }
}
