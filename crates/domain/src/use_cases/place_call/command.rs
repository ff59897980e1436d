use crate::{AgentId, CallReason, ContactId, Destination, PhoneNumber, UserId};

use super::PlaceCallError;

/// A request for a call, as a client writes it. Empty text counts as absent.
#[derive(Clone, Copy, Default)]
#[expect(missing_docs, reason = "the fields are the contract's, which documents them")]
pub struct RawPlaceCall<'a> {
    pub contact_id: Option<&'a str>,
    pub phone_number: Option<&'a str>,
    pub agent_id: Option<&'a str>,
    pub from_number: Option<&'a str>,
    pub call_reason: Option<&'a str>,
}

/// A request for a call whose fields are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceCallCommand {
    pub(super) user_id: UserId,
    pub(super) callee: Callee,
    pub(super) agent_id: Option<AgentId>,
    pub(super) from_number: Option<PhoneNumber>,
    pub(super) reason: Option<CallReason>,
}

/// Who will be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Callee {
    /// This contact. If a number was given too, it must be the contact's.
    Contact(ContactId, Option<PhoneNumber>),
    /// The person with this number.
    Number(PhoneNumber),
}

impl PlaceCallCommand {
    /// Reads a request of this user.
    ///
    /// A malformed id is refused like an id that does not exist.
    pub fn parse(user_id: UserId, raw: &RawPlaceCall<'_>) -> Result<Self, PlaceCallError> {
        let number = given(raw.phone_number).map(Destination::read).transpose()?;
        let contact_id = given(raw.contact_id).map(ContactId::parse).transpose();
        let callee = match (contact_id.map_err(|_| PlaceCallError::ContactNotFound)?, number) {
            (Some(contact_id), number) => Callee::Contact(contact_id, number),
            (None, Some(number)) => Callee::Number(number),
            (None, None) => return Err(PlaceCallError::ContactOrPhoneRequired),
        };
        let agent_id = given(raw.agent_id).map(AgentId::parse).transpose();
        let from_number = given(raw.from_number).map(PhoneNumber::parse).transpose();
        let reason = given(raw.call_reason).map(CallReason::parse).transpose();
        Ok(Self {
            user_id,
            callee,
            agent_id: agent_id.map_err(|_| PlaceCallError::AgentNotFound)?,
            from_number: from_number.map_err(|_| PlaceCallError::FromNumberNotAvailable)?,
            reason: reason.map_err(|_| PlaceCallError::InvalidReason)?,
        })
    }
}

impl Callee {
    /// The number that the request contains.
    pub(super) const fn given_number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Contact(_, given) => given.as_ref(),
            Self::Number(number) => Some(number),
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ForbiddenRange;

    fn parse(raw: RawPlaceCall<'_>) -> Result<PlaceCallCommand, PlaceCallError> {
        PlaceCallCommand::parse(UserId::parse("u1").expect("id"), &raw)
    }

    #[test]
    fn a_contact_or_a_number_is_required_and_empty_text_is_neither() {
        let empty = RawPlaceCall { contact_id: Some(""), phone_number: Some(""), ..RawPlaceCall::default() };
        assert_eq!(parse(empty), Err(PlaceCallError::ContactOrPhoneRequired));
        assert_eq!(parse(RawPlaceCall::default()), Err(PlaceCallError::ContactOrPhoneRequired));
    }

    #[test]
    fn a_number_with_and_without_its_plus_is_one_request() {
        let with = parse(RawPlaceCall { phone_number: Some("+14165550110"), ..RawPlaceCall::default() });
        let without = parse(RawPlaceCall { phone_number: Some("14165550110"), ..RawPlaceCall::default() });
        assert!(with.is_ok());
        assert_eq!(with, without);
    }

    #[test]
    fn each_field_is_refused_by_its_own_code() {
        let base = RawPlaceCall { contact_id: Some("c1"), ..RawPlaceCall::default() };
        let refused = |raw| parse(raw).expect_err("refused");
        assert_eq!(
            refused(RawPlaceCall { contact_id: Some("c\n1"), ..base }),
            PlaceCallError::ContactNotFound
        );
        assert_eq!(
            refused(RawPlaceCall { phone_number: Some("hello"), ..base }),
            PlaceCallError::InvalidPhoneNumber
        );
        assert_eq!(
            refused(RawPlaceCall { phone_number: Some("911"), ..base }),
            PlaceCallError::DestinationNotAllowed(ForbiddenRange::ShortOrEmergency)
        );
        assert_eq!(refused(RawPlaceCall { agent_id: Some("a\0"), ..base }), PlaceCallError::AgentNotFound);
        assert_eq!(
            refused(RawPlaceCall { from_number: Some("1 2 3"), ..base }),
            PlaceCallError::FromNumberNotAvailable
        );
        assert_eq!(
            refused(RawPlaceCall { call_reason: Some("\u{7}"), ..base }),
            PlaceCallError::InvalidReason
        );
    }
}
