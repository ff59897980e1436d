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
    assert_eq!(refused(RawPlaceCall { contact_id: Some("c\n1"), ..base }), PlaceCallError::ContactNotFound);
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
    assert_eq!(refused(RawPlaceCall { call_reason: Some("\u{7}"), ..base }), PlaceCallError::InvalidReason);
}
