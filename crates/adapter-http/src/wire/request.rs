use std::fmt;

use domain::RawPlaceCall;
use domain::ports::UnreadableQuestion;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use utoipa::ToSchema;

use super::ErrorDetail;

/// Either `contactId` or `phoneNumber` must be supplied. `phoneNumber` will find-or-create a contact; given together with
/// `contactId` it must be that contact's number. `null` and empty text count as absent; unknown fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsInitiateOutboundAiCallRequest,
    example = json!({
        "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
        "agentId": "64f0a1b2c3d4e5f6a7b8cc00",
        "fromNumber": "+14165550100",
        "callReason": "Follow up on insurance quote"
    })
)]
pub(crate) struct PlaceCallRequest {
    /// The contact to call.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    contact_id: Field,
    /// E.164 phone number (the `+` prefix will be added if missing).
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    phone_number: Field,
    /// The voice agent to use, synced with ElevenLabs. Defaults to the organization's first voice-enabled agent that is.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    agent_id: Field,
    /// Specific Sinch number to call from. Defaults to the first AI-enabled Sinch number among the user's caller numbers.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    from_number: Field,
    /// Free-text context passed to the agent as the `call_reason` dynamic variable: at most 8192 bytes.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    call_reason: Field,
}

/// What a client wrote for a field of text.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Field {
    Text(String),
    #[default]
    Absent,
    Other(IgnoredAny),
}

/// What is wrong with a body, in words that quote nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestRefusal(pub(crate) Vec<ErrorDetail>);

impl RequestRefusal {
    /// The body as a whole is at fault.
    pub(crate) fn body(message: &'static str) -> Self {
        Self(vec![ErrorDetail { field: None, message }])
    }

    /// One field or parameter is at fault.
    pub(crate) fn field(name: &'static str, message: &'static str) -> Self {
        Self(vec![ErrorDetail { field: Some(name), message }])
    }
}

impl From<UnreadableQuestion> for RequestRefusal {
    fn from(error: UnreadableQuestion) -> Self {
        let UnreadableQuestion { field, message } = error;
        Self(vec![ErrorDetail { field, message }])
    }
}

impl PlaceCallRequest {
    /// Reads a body: one JSON object, whose strings hold no control characters but tabs and line breaks, and whose known
    /// fields are strings or null, each given once.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, RequestRefusal> {
        let text = sound_object(body)?;
        let request: Self =
            serde_json::from_str(text).map_err(|_| RequestRefusal::body("a field is given twice"))?;
        match request.problems() {
            none if none.is_empty() => Ok(request),
            problems => Err(RequestRefusal(problems)),
        }
    }

    /// The request as the domain reads it.
    pub(crate) fn as_raw(&self) -> RawPlaceCall<'_> {
        RawPlaceCall {
            contact_id: self.contact_id.text(),
            phone_number: self.phone_number.text(),
            agent_id: self.agent_id.text(),
            from_number: self.from_number.text(),
            call_reason: self.call_reason.text(),
        }
    }

    fn problems(&self) -> Vec<ErrorDetail> {
        let lines_in = |text: &str| text.contains(['\t', '\n', '\r']);
        let fields = [
            ("contactId", &self.contact_id),
            ("phoneNumber", &self.phone_number),
            ("agentId", &self.agent_id),
            ("fromNumber", &self.from_number),
            ("callReason", &self.call_reason),
        ];
        let problem = |(name, field): (&'static str, &Field)| {
            let message = match field {
                Field::Text(text) if name != "callReason" && lines_in(text) => {
                    "must not hold control characters"
                }
                Field::Other(_) => "must be a string",
                Field::Text(_) | Field::Absent => return None,
            };
            Some(ErrorDetail { field: Some(name), message })
        };
        fields.into_iter().filter_map(problem).collect()
    }
}

/// The text of a body that is one JSON object, nested at most as deep as is safe, whose strings hold no control characters
/// but tabs and line breaks.
pub(super) fn sound_object(body: &[u8]) -> Result<&str, RequestRefusal> {
    let text = std::str::from_utf8(body).map_err(|_| RequestRefusal::body("the body is not UTF-8"))?;
    // Unknown fields are ignored, yet read: this refuses what is nested too deeply to be read without risk, and
    // characters that no store of text keeps, wherever they stand.
    serde_json::from_str::<Harmless>(text).map_err(|error| {
        RequestRefusal::body(if error.is_data() {
            "a string holds control characters"
        } else {
            "the body is not valid JSON, or is nested too deeply"
        })
    })?;
    // The derived reader would take an array for its fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(RequestRefusal::body("the body is not a JSON object"));
    }
    Ok(text)
}

impl Field {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

/// Any JSON that nests at most as deep as the reader allows (127 levels), without control characters in its strings.
struct Harmless;

impl<'de> Deserialize<'de> for Harmless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HarmlessVisitor)
    }
}

struct HarmlessVisitor;

impl<'de> Visitor<'de> for HarmlessVisitor {
    type Value = Harmless;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Harmless, E> {
        Ok(Harmless)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Harmless, E> {
        Ok(Harmless)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Harmless, E> {
        Ok(Harmless)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Harmless, E> {
        Ok(Harmless)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Harmless, E> {
        Ok(Harmless)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Harmless, E> {
        let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if text.chars().any(forbidden) { Err(E::custom("control character")) } else { Ok(Harmless) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Harmless, A::Error> {
        while items.next_element::<Harmless>()?.is_some() {}
        Ok(Harmless)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Harmless, A::Error> {
        while entries.next_entry::<Harmless, Harmless>()?.is_some() {}
        Ok(Harmless)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(body: &[u8]) -> Vec<ErrorDetail> {
        PlaceCallRequest::parse(body).expect_err("refused").0
    }

    fn contact(body: &str) -> Option<String> {
        let request = PlaceCallRequest::parse(body.as_bytes()).expect("accepted");
        request.as_raw().contact_id.map(str::to_owned)
    }

    #[test]
    fn unknown_fields_are_ignored_and_null_is_absent() {
        assert_eq!(
            contact(r#"{"contactId":"c1","x":{"y":[1,2.5,-3,true,null,"z"]}}"#),
            Some("c1".to_owned())
        );
        assert_eq!(contact(r#"{"contactId":null}"#), None);
        assert_eq!(contact("\r\n\t {}\n"), None);
    }

    #[test]
    fn a_reason_keeps_its_lines() {
        let body = br#"{"callReason":"first\n\tsecond\r\n"}"#;
        let request = PlaceCallRequest::parse(body).expect("accepted");
        assert_eq!(request.as_raw().call_reason, Some("first\n\tsecond\r\n"));
    }

    #[test]
    fn every_field_at_fault_is_named() {
        let found = refusal(br#"{"contactId":7,"phoneNumber":["+1"],"agentId":"a\nb","callReason":{"a":1}}"#);
        let fields: Vec<_> = found.iter().filter_map(|detail| detail.field).collect();
        assert_eq!(fields, ["contactId", "phoneNumber", "agentId", "callReason"]);
        assert_eq!(found[0].message, "must be a string");
        assert_eq!(found[2].message, "must not hold control characters");
    }

    #[test]
    fn what_is_not_one_sound_object_is_refused() {
        let nested = format!(r#"{{"x":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
        let bodies: [&[u8]; 17] = [
            b"",
            b"null",
            b"7",
            b"\"contactId\"",
            b"[\"c1\",\"+14165550110\"]",
            b"{",
            b"{}{}",
            b"{\"contactId\":}",
            b"{'contactId':'c1'}",
            b"\xef\xbb\xbf{}",
            b"{\"x\":\"\xff\"}",
            br#"{"x":"\ud800"}"#,
            br#"{"x":"\u0000"}"#,
            br#"{"\u001b":1}"#,
            br#"{"x":1e400}"#,
            br#"{"contactId":"a","contactId":"b"}"#,
            nested.as_bytes(),
        ];
        for body in bodies {
            let details = refusal(body);
            assert_eq!(details.len(), 1, "{:?}", String::from_utf8_lossy(body));
            assert_eq!(details[0].field, None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = PlaceCallRequest::parse(&body);
        }

        #[test]
        fn almost_json_is_read_or_refused(body in r#"[{}\[\]",:0-9a-z\\u\x00-\x20]{0,80}"#) {
            let _ = PlaceCallRequest::parse(body.as_bytes());
        }

        #[test]
        fn text_comes_through_or_is_refused_by_field(text in any::<String>()) {
            let body = serde_json::json!({ "contactId": text }).to_string();
            match PlaceCallRequest::parse(body.as_bytes()) {
                Ok(request) => prop_assert_eq!(request.as_raw().contact_id, Some(text.as_str())),
                Err(_) => prop_assert!(text.chars().any(char::is_control)),
            }
        }
    }
}
