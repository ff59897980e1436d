use proptest::prelude::*;

use super::*;

fn refusal(body: &[u8]) -> Vec<ErrorDetail> {
    PlaceCallRequest::parse(body, "").err().expect("refused").details().to_vec()
}

fn contact(body: &str) -> Option<String> {
    let request = PlaceCallRequest::parse(body.as_bytes(), "").expect("accepted");
    request.as_raw().contact_id.map(str::to_owned)
}

#[test]
fn unknown_fields_are_ignored_and_null_is_absent() {
    assert_eq!(contact(r#"{"contactId":"c1","x":{"y":[1,2.5,-3,true,null,"z"]}}"#), Some("c1".to_owned()));
    assert_eq!(contact(r#"{"contactId":null}"#), None);
    assert_eq!(contact("\r\n\t {}\n"), None);
}

#[test]
fn a_reason_keeps_its_lines() {
    let body = br#"{"callReason":"first\n\tsecond\r\n"}"#;
    let request = PlaceCallRequest::parse(body, "").expect("accepted");
    assert_eq!(request.as_raw().call_reason, Some("first\n\tsecond\r\n"));
}

#[test]
fn every_field_at_fault_is_named() {
    let found = refusal(br#"{"contactId":7,"phoneNumber":["+1"],"agentId":"a\nb","callReason":{"a":1}}"#);
    let fields: Vec<_> = found.iter().filter_map(|detail| detail.field.as_deref()).collect();
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
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = PlaceCallRequest::parse(&body, "");
    }

    #[test]
    fn almost_json_is_read_or_refused(body in r#"[{}\[\]",:0-9a-z\\u\x00-\x20]{0,80}"#) {
        let _ = PlaceCallRequest::parse(body.as_bytes(), "");
    }

    #[test]
    fn text_comes_through_or_is_refused_by_field(text in any::<String>()) {
        let body = serde_json::json!({ "contactId": text }).to_string();
        match PlaceCallRequest::parse(body.as_bytes(), "") {
            Ok(request) => prop_assert_eq!(request.as_raw().contact_id, Some(text.as_str())),
            Err(_) => prop_assert!(text.chars().any(char::is_control)),
        }
    }
}
