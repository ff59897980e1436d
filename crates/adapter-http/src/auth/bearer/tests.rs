use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).expect("a header value"));
    }
    headers
}

#[test]
fn the_scheme_is_read_in_any_case() {
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} a.b-_.c");
        assert_eq!(token(&headers(&[value.as_bytes()]), 64), Ok("a.b-_.c"));
    }
}

#[test]
fn anything_but_one_bearer_token_is_refused_with_its_reason() {
    use TokenRefusal::{Absent, Malformed, SeveralHeaders};
    let refused: &[(&[&[u8]], TokenRefusal)] = &[
        (&[], Absent),
        (&[b""], Absent),
        (&[b"Bearer"], Absent),
        (&[b"Bearer "], Absent),
        (&[b"Basic YTpi"], Absent),
        (&[b"Bearera.b.c"], Absent),
        (&[b"Bearer a.b.c d"], Malformed),
        (&[b"Bearer a.b.c,"], Malformed),
        (&[b"Bearer a.b.c="], Malformed),
        (&[b"Bearer\ta.b.c"], Absent),
        (&[b"Bearer a.b.\xff"], Malformed),
        (&[b"Bearer a.b.c", b"Bearer a.b.c"], SeveralHeaders),
        (&[b"Bearer a.b.c", b"Basic YTpi"], SeveralHeaders),
    ];
    for (values, refusal) in refused {
        assert_eq!(token(&headers(values), 64), Err(*refusal), "{values:?}");
    }
}

#[test]
fn a_secret_is_any_one_word() {
    assert_eq!(secret(&headers(&[b"Bearer s3cret+/=~!"]), 64), Some("s3cret+/=~!"));
    let refused: [&[&[u8]]; 4] =
        [&[b"Bearer two words"], &[b"Bearer "], &[b"Basic s3cret"], &[b"Bearer a", b"Bearer a"]];
    for values in refused {
        assert_eq!(secret(&headers(values), 64), None, "{values:?}");
    }
}

#[test]
fn a_token_is_as_long_as_it_may_be() {
    let longest = format!("Bearer {}", "a".repeat(64));
    assert!(token(&headers(&[longest.as_bytes()]), 64).is_ok());
    assert_eq!(token(&headers(&[longest.as_bytes()]), 63), Err(TokenRefusal::TooLong));
}

proptest! {
    #[test]
    fn any_header_value_is_read_or_refused(value in proptest::collection::vec(0x20..=0xffu8, 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            headers.append(AUTHORIZATION, value);
            if let Ok(token) = token(&headers, 100) {
                prop_assert!(!token.is_empty() && token.len() <= 100 && token.is_ascii());
            }
        }
    }
}
