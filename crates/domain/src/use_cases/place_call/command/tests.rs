use super::*;
use crate::{DestinationRefusal, ForbiddenRange, SpellingFault};

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
fn each_field_is_refused_by_its_own_code() {
    let base = RawPlaceCall { contact_id: Some("c1"), ..RawPlaceCall::default() };
    let refused = |raw| parse(raw).expect_err("refused");
    assert_eq!(refused(RawPlaceCall { contact_id: Some("c\n1"), ..base }), PlaceCallError::ContactNotFound);
    assert_eq!(
        refused(RawPlaceCall { phone_number: Some("hello"), ..base }),
        PlaceCallError::InvalidPhoneNumber(DestinationRefusal::Invalid(SpellingFault::Letters))
    );
    assert_eq!(
        refused(RawPlaceCall { phone_number: Some("911"), ..base }),
        PlaceCallError::DestinationNotAllowed(ForbiddenRange::ShortOrEmergency)
    );
    assert_eq!(refused(RawPlaceCall { agent_id: Some("a\0"), ..base }), PlaceCallError::AgentNotFound);
    assert_eq!(
        refused(RawPlaceCall { from_number: Some("1 2 3"), ..base }),
        PlaceCallError::InvalidFromNumber(SpellingFault::NoCountryCode)
    );
    assert_eq!(refused(RawPlaceCall { call_reason: Some("\u{7}"), ..base }), PlaceCallError::InvalidReason);
    let reserved = [("system__time".to_owned(), VariableValue::Boolean(true))];
    assert_eq!(
        refused(RawPlaceCall { dynamic_variables: &reserved, ..base }),
        PlaceCallError::InvalidVariables(crate::VariablesFault::ReservedName)
    );
    let long = format!("\"{}\"", "x".repeat(4095));
    assert_eq!(refused(RawPlaceCall { metadata: Some(&long), ..base }), PlaceCallError::InvalidMetadata);
}

#[test]
fn numbers_are_read_as_people_write_them() {
    let spelled = RawPlaceCall {
        phone_number: Some("\u{202a}+1 (416) 555-0123\u{202c}"),
        from_number: Some("00 1 416 555 0100"),
        ..RawPlaceCall::default()
    };
    let plain = RawPlaceCall {
        phone_number: Some("+14165550123"),
        from_number: Some("+14165550100"),
        ..RawPlaceCall::default()
    };
    let [spelled, plain] = [spelled, plain].map(|raw| parse(raw).expect("numbers"));
    assert_eq!(spelled.from_number, plain.from_number);
    let RequestedCallee::Number(number) = spelled.callee else { panic!("a number was given") };
    assert_eq!(number.international(), PhoneNumber::parse_written("+14165550123"));
}
