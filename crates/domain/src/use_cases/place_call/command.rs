use crate::{
    AgentId, CallMetadata, CallPurpose, CallReason, CallSubject, ContactId, DynamicVariables, IdempotencyKey,
    PhoneNumber, UserId, VariableValue, WrittenNumber,
};

use super::PlaceCallError;

/// A request for a call, as a client writes it. Empty text counts as absent. The metadata is JSON.
#[derive(Clone, Copy, Default)]
#[expect(missing_docs, reason = "the fields are the contract's, which documents them")]
pub struct RawPlaceCall<'a> {
    pub contact_id: Option<&'a str>,
    pub phone_number: Option<&'a str>,
    pub agent_id: Option<&'a str>,
    pub from_number: Option<&'a str>,
    pub call_reason: Option<&'a str>,
    pub dynamic_variables: &'a [(String, VariableValue)],
    pub metadata: Option<&'a str>,
    pub purpose: Option<&'a str>,
    pub subject: Option<&'a str>,
}

/// A request for a call whose fields are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceCallCommand {
    pub(super) user_id: UserId,
    pub(super) callee: RequestedCallee,
    pub(super) agent_id: Option<AgentId>,
    pub(super) from_number: Option<PhoneNumber>,
    pub(super) reason: Option<CallReason>,
    pub(super) variables: DynamicVariables,
    pub(super) metadata: Option<CallMetadata>,
    pub(super) idempotency_key: Option<IdempotencyKey>,
    pub(super) purpose: Option<CallPurpose>,
    pub(super) subject: Option<CallSubject>,
}

/// Who will be called, as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestedCallee {
    /// This contact. If a number was given too, it must be the contact's.
    Contact(ContactId, Option<WrittenNumber>),
    /// The person with this number.
    Number(WrittenNumber),
}

impl RequestedCallee {
    /// The number in the request.
    pub(super) const fn written(&self) -> Option<&WrittenNumber> {
        match self {
            Self::Contact(_, written) => written.as_ref(),
            Self::Number(written) => Some(written),
        }
    }
}

impl PlaceCallCommand {
    /// Who asks for the call.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Reads a request of this user.
    ///
    /// A malformed id is refused like an id that does not exist.
    pub fn parse(user_id: UserId, raw: &RawPlaceCall<'_>) -> Result<Self, PlaceCallError> {
        let number = given(raw.phone_number).map(WrittenNumber::parse).transpose()?;
        let contact_id = given(raw.contact_id).map(ContactId::parse).transpose();
        let callee = match (contact_id.map_err(|_| PlaceCallError::ContactNotFound)?, number) {
            (Some(contact_id), number) => RequestedCallee::Contact(contact_id, number),
            (None, Some(number)) => RequestedCallee::Number(number),
            (None, None) => return Err(PlaceCallError::ContactOrPhoneRequired),
        };
        let agent_id = given(raw.agent_id).map(AgentId::parse).transpose();
        let from_number = given(raw.from_number).map(PhoneNumber::parse_written).transpose();
        let reason = given(raw.call_reason).map(CallReason::parse).transpose();
        let variables = DynamicVariables::parse(raw.dynamic_variables);
        let metadata = raw.metadata.map(CallMetadata::parse).transpose();
        let purpose = given(raw.purpose).map(CallPurpose::parse).transpose();
        let subject = given(raw.subject).map(CallSubject::parse).transpose();
        Ok(Self {
            user_id,
            callee,
            agent_id: agent_id.map_err(|_| PlaceCallError::AgentNotFound)?,
            from_number: from_number.map_err(PlaceCallError::InvalidFromNumber)?,
            reason: reason.map_err(|_| PlaceCallError::InvalidReason)?,
            variables: variables.map_err(PlaceCallError::InvalidVariables)?,
            metadata: metadata.map_err(|_| PlaceCallError::InvalidMetadata)?,
            idempotency_key: None,
            purpose: purpose.map_err(|_| PlaceCallError::InvalidPurpose)?,
            subject: subject.map_err(|_| PlaceCallError::InvalidSubject)?,
        })
    }

    /// The same request with this key: however often the user sends it, one call answers it.
    #[must_use]
    pub fn with_idempotency_key(self, idempotency_key: Option<IdempotencyKey>) -> Self {
        Self { idempotency_key, ..self }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
