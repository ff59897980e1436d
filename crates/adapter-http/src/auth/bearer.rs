use actix_web::http::header::{AUTHORIZATION, HeaderMap};

/// The secret of the request, if it has the characters of a token (RFC 7515's compact form:
/// base64url and dots).
pub(super) fn token(headers: &HeaderMap, max_len: usize) -> Option<&str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let token = secret(headers, max_len)?;
    token.bytes().all(allowed).then_some(token)
}

/// The secret of the `Authorization: Bearer` header, if the request has exactly one such header,
/// and the secret is one word of visible ASCII of at most `max_len` bytes.
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
mod tests;
