use actix_web::http::header::{AUTHORIZATION, HeaderMap};

/// The secret of the request, if it has the characters of a token (RFC 7515's compact form: base64url and dots).
pub(super) fn token(headers: &HeaderMap, max_len: usize) -> Option<&str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let token = secret(headers, max_len)?;
    token.bytes().all(allowed).then_some(token)
}

/// The secret of the `Authorization: Bearer` header, if the request has exactly one such header, and the secret is one word of
/// visible ASCII of at most `max_len` bytes.
pub(crate) fn secret(headers: &HeaderMap, max_len: usize) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    // A proxy in front of the gateway may have checked the other one.
    if values.next().is_some() {
        return None;
    }
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim_start_matches(' ');
    let fits = scheme.eq_ignore_ascii_case("bearer")
        && (1..=max_len).contains(&secret.len())
        && secret.bytes().all(|b| b.is_ascii_graphic());
    fits.then_some(secret)
}

#[cfg(test)]
mod tests {
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
            assert_eq!(token(&headers(&[value.as_bytes()]), 64), Some("a.b-_.c"));
        }
    }

    #[test]
    fn anything_but_one_bearer_token_is_none() {
        let refused: &[&[&[u8]]] = &[
            &[],
            &[b""],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Basic YTpi"],
            &[b"Bearera.b.c"],
            &[b"Bearer a.b.c d"],
            &[b"Bearer a.b.c,"],
            &[b"Bearer a.b.c="],
            &[b"Bearer\ta.b.c"],
            &[b"Bearer a.b.\xff"],
            &[b"Bearer a.b.c", b"Bearer a.b.c"],
            &[b"Bearer a.b.c", b"Basic YTpi"],
        ];
        for values in refused {
            assert_eq!(token(&headers(values), 64), None, "{values:?}");
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
        assert!(token(&headers(&[longest.as_bytes()]), 64).is_some());
        assert_eq!(token(&headers(&[longest.as_bytes()]), 63), None);
    }

    proptest! {
        #[test]
        fn any_header_value_is_read_or_refused(value in proptest::collection::vec(0x20..=0xffu8, 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.append(AUTHORIZATION, value);
                if let Some(token) = token(&headers, 100) {
                    prop_assert!(!token.is_empty() && token.len() <= 100 && token.is_ascii());
                }
            }
        }
    }
}
