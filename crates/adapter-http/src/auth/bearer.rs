use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use super::TokenRefusal;

/// The secret of the request, if it has the characters of a token (RFC 7515's compact form:
/// base64url and dots).
pub(super) fn token(headers: &HeaderMap, max_len: usize) -> Result<&str, TokenRefusal> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let token = word(headers)?;
    if token.len() > max_len {
        return Err(TokenRefusal::TooLong);
    }
    token.bytes().all(allowed).then_some(token).ok_or(TokenRefusal::Malformed)
}

/// The secret of the `Authorization: Bearer` header, if the request has exactly one such header,
/// and the secret is one word of visible ASCII of at most `max_len` bytes.
pub(crate) fn secret(headers: &HeaderMap, max_len: usize) -> Option<&str> {
    word(headers)
        .ok()
        .filter(|secret| secret.len() <= max_len && secret.bytes().all(|b| b.is_ascii_graphic()))
}

/// What follows the scheme of the only header.
fn word(headers: &HeaderMap) -> Result<&str, TokenRefusal> {
    let mut values = headers.get_all(AUTHORIZATION);
    let value = values.next().ok_or(TokenRefusal::Absent)?;
    if values.next().is_some() {
        return Err(TokenRefusal::SeveralHeaders);
    }
    let value = value.to_str().map_err(|_| TokenRefusal::Malformed)?;
    let (scheme, secret) = value.split_once(' ').ok_or(TokenRefusal::Absent)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenRefusal::Absent);
    }
    let secret = secret.trim_start_matches(' ');
    if secret.is_empty() { Err(TokenRefusal::Absent) } else { Ok(secret) }
}

#[cfg(test)]
mod tests;
