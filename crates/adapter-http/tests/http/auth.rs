//! Which tokens are accepted. A refusal is a 401 that says why, before the body is read and before
//! any port is called.

use std::time::Duration;

use adapter_http::{AuthSettings, AuthSettingsError, Authenticator, JwtKeys, SignError};
use domain::UserId;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use secrecy::SecretSlice;
use serde_json::{Value, json};

use crate::log::{log, message_is};
use crate::running::{Options, PATH, Response, Running, SECRET, hs256, send, start, start_with};
use crate::world::World;

const OTHER_SECRET: &[u8] = b"ffffffffffffffffffffffffffffffff";

/// Keys of these tests only.
mod keys {
    pub(super) const RSA_PRIVATE: &[u8] = include_bytes!("../keys/rsa.private.pem");
    pub(super) const RSA_PUBLIC: &[u8] = include_bytes!("../keys/rsa.public.pem");
    pub(super) const RSA_1024_PUBLIC: &[u8] = include_bytes!("../keys/rsa1024.public.pem");
    pub(super) const P256_PRIVATE: &[u8] = include_bytes!("../keys/p256.private.pem");
    pub(super) const P256_PUBLIC: &[u8] = include_bytes!("../keys/p256.public.pem");
    pub(super) const P384_PUBLIC: &[u8] = include_bytes!("../keys/p384.public.pem");
    pub(super) const ED25519_PRIVATE: &[u8] = include_bytes!("../keys/ed25519.private.pem");
    pub(super) const ED25519_PUBLIC: &[u8] = include_bytes!("../keys/ed25519.public.pem");
}

async fn start_checking(auth: AuthSettings) -> Running {
    start_with(&World::new(), Options { auth, ..Options::default() }).await
}

fn claims(changes: Value) -> Value {
    let mut claims = json!({ "sub": "u1", "exp": get_current_timestamp() + 60 });
    let (Value::Object(claims_map), Value::Object(changes)) = (&mut claims, changes) else {
        panic!("the claims and the changes are objects");
    };
    for (name, value) in changes {
        match value {
            Value::Null => claims_map.remove(&name),
            value => claims_map.insert(name, value),
        };
    }
    claims
}

fn hs256_token(changes: Value) -> String {
    token(&Header::new(Algorithm::HS256), &claims(changes), SECRET)
}

fn token(header: &Header, claims: &Value, secret: &[u8]) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret)).expect("a token")
}

/// The status of a valid request with this `Authorization` header. The whole body of a refusal is
/// checked.
async fn status(gateway: &Running, authorization: &str) -> u16 {
    let request = gateway.anonymous_post().header("authorization", authorization);
    let response =
        send(request.header("content-type", "application/json").body(r#"{"contactId":"c1"}"#)).await;
    if response.status != 200 {
        assert_unauthorized(&response);
    }
    response.status
}

/// Returns why the token was refused: header and body agree.
fn assert_unauthorized(response: &Response) -> Option<String> {
    response.assert_error(401, "UNAUTHORIZED");
    let reason = response.body["reason"].as_str().map(str::to_owned);
    let mut only =
        json!({ "success": false, "error": "a valid bearer token is required", "code": "UNAUTHORIZED" });
    let challenge = match &reason {
        Some(reason) => {
            only["reason"] = json!(reason);
            format!(r#"Bearer error="invalid_token", error_description="{reason}""#)
        }
        None => "Bearer".to_owned(),
    };
    // A request for a call also says what to do next.
    if let Some(retry) = response.body.get("retry") {
        assert_eq!(retry, "same-key");
        only["retry"] = retry.clone();
    }
    assert_eq!(response.body, only);
    assert_eq!(response.header("www-authenticate"), Some(challenge.as_str()));
    reason
}

async fn accepts(gateway: &Running, token: &str) -> bool {
    status(gateway, &format!("Bearer {token}")).await == 200
}

#[tokio::test]
async fn a_request_needs_exactly_one_bearer_token() {
    let gateway = start(&World::new()).await;
    let good = hs256_token(json!({}));
    assert!(accepts(&gateway, &good).await);
    assert_eq!(status(&gateway, &format!("bEARER {good}")).await, 200);
    for authorization in
        ["", "Bearer", "Basic dTE6cHc=", &good, &format!("Bearer {good} x"), &format!("Bearer {good}=")]
    {
        assert_eq!(status(&gateway, authorization).await, 401, "{authorization}");
    }
    assert_unauthorized(&send(gateway.anonymous_post()).await);
    let twice = gateway.authorized("POST", PATH).bearer_auth(&good);
    assert_unauthorized(&send(twice).await);
}

#[tokio::test]
async fn a_refusal_says_why_in_the_header_the_body_and_the_log() {
    let log = log();
    let settings = AuthSettings {
        issuer: Some("issuer".to_owned()),
        audience: Some("audience".to_owned()),
        ..hs256(&[SECRET])
    };
    let gateway = start_checking(settings).await;
    let now = get_current_timestamp();
    let good = json!({ "iss": "issuer", "aud": "audience" });
    let changed = |changes: Value| {
        let mut all = good.clone();
        all.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        hs256_token(all)
    };
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..Header::default() };
    let cases = [
        (changed(json!({ "exp": now - 60 })), "expired"),
        (changed(json!({ "exp": (now + 60) * 1000 })), "exp is in milliseconds, not seconds"),
        (changed(json!({ "exp": null })), "malformed"),
        (changed(json!({ "nbf": now + 60 })), "not yet valid"),
        (changed(json!({ "iss": "x" })), "another issuer"),
        (changed(json!({ "aud": "x" })), "another audience"),
        (changed(json!({ "aud": null })), "a required claim is missing"),
        (changed(json!({ "sub": "" })), "sub is not an id"),
        (changed(json!({ "roles": "x".repeat(8_000) })), "longer than 8192 bytes"),
        (token(&Header::default(), &claims(good.clone()), OTHER_SECRET), "signed with another key"),
        (token(&Header::new(Algorithm::HS512), &claims(good.clone()), SECRET), "another algorithm"),
        (token(&critical, &claims(good.clone()), SECRET), "critical extension"),
        ("a.b.c".to_owned(), "malformed"),
    ];
    for (number, (token, reason)) in cases.into_iter().enumerate() {
        let id = format!("refused-{number}");
        let request = gateway.anonymous_post().header("x-request-id", &id).bearer_auth(&token);
        assert_eq!(assert_unauthorized(&send(request).await).as_deref(), Some(reason));
        let lines = log.lines(&id);
        let line = lines.iter().find(|line| message_is(line, "request served")).expect("the request's line");
        assert_eq!(line["spans"][0]["reason"], reason, "{line}");
        log.assert_private(&id, &[&token]);
    }
    assert_eq!(assert_unauthorized(&send(gateway.anonymous_post()).await), None);
}

#[tokio::test]
async fn the_token_is_checked_before_the_body_and_before_any_store() {
    // A query of the store would make this a 500.
    let gateway = start(&World::lost()).await;
    for body in ["{", "", r#"{"contactId":"c1"}"#, &"x".repeat(100_000)] {
        let request = gateway.anonymous_post().bearer_auth("a.b.c").body(body.to_owned());
        assert_unauthorized(&send(request).await);
    }
}

#[tokio::test]
async fn a_token_longer_than_8_kib_is_refused() {
    let gateway = start(&World::new()).await;
    let fits = hs256_token(json!({ "padding": "x".repeat(5_000) }));
    let too_long = hs256_token(json!({ "padding": "x".repeat(7_000) }));
    assert!(fits.len() < 8 * 1024 && too_long.len() > 8 * 1024);
    assert!(accepts(&gateway, &fits).await);
    assert!(!accepts(&gateway, &too_long).await);
}

#[tokio::test]
async fn the_settings_choose_the_algorithm() {
    let gateway = start(&World::new()).await;
    let payload = claims(json!({}));
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert!(!accepts(&gateway, &token(&Header::new(algorithm), &payload, SECRET)).await, "{algorithm:?}");
    }
    let good = hs256_token(json!({}));
    let body = good.split('.').nth(1).expect("a payload");
    // {"alg":"none"}, {"alg":"nOnE"}, {"alg":"None","typ":"JWT"}
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJuT25FIn0", "eyJhbGciOiJOb25lIiwidHlwIjoiSldUIn0"] {
        for signature in ["", "x", good.rsplit('.').next().expect("a signature")] {
            assert!(!accepts(&gateway, &format!("{header}.{body}.{signature}")).await);
        }
    }
    let rsa = EncodingKey::from_rsa_pem(keys::RSA_PRIVATE).expect("a key");
    let foreign = encode(&Header::new(Algorithm::RS256), &payload, &rsa).expect("a token");
    assert!(!accepts(&gateway, &foreign).await);
}

#[tokio::test]
async fn a_public_key_is_not_accepted_as_a_secret() {
    let public_keys = [keys::RSA_PUBLIC, keys::P256_PUBLIC, keys::ED25519_PUBLIC];
    for pem in public_keys {
        let settings = AuthSettings { keys: JwtKeys::PublicKeys(pem.to_vec()), ..hs256(&[SECRET]) };
        let gateway = start_checking(settings).await;
        assert!(!accepts(&gateway, &token(&Header::default(), &claims(json!({})), pem)).await);
    }
}

#[tokio::test]
async fn the_kind_of_public_key_decides_the_algorithm() {
    let rsa = EncodingKey::from_rsa_pem(keys::RSA_PRIVATE).expect("a key");
    let p256 = EncodingKey::from_ec_pem(keys::P256_PRIVATE).expect("a key");
    let ed25519 = EncodingKey::from_ed_pem(keys::ED25519_PRIVATE).expect("a key");
    let payload = claims(json!({}));
    let signed = |algorithm, key| encode(&Header::new(algorithm), &payload, key).expect("a token");
    let cases = [
        (keys::RSA_PUBLIC, signed(Algorithm::RS256, &rsa), signed(Algorithm::RS512, &rsa)),
        (keys::P256_PUBLIC, signed(Algorithm::ES256, &p256), signed(Algorithm::EdDSA, &ed25519)),
        (keys::ED25519_PUBLIC, signed(Algorithm::EdDSA, &ed25519), signed(Algorithm::PS256, &rsa)),
    ];
    for (pem, good, bad) in cases {
        let settings = AuthSettings { keys: JwtKeys::PublicKeys(pem.to_vec()), ..hs256(&[SECRET]) };
        let gateway = start_checking(settings).await;
        assert!(accepts(&gateway, &good).await);
        assert!(!accepts(&gateway, &bad).await);
        assert!(!accepts(&gateway, &hs256_token(json!({}))).await);
    }
}

/// A PEM file with these keys, one after another.
fn file_of(blocks: &[&[u8]]) -> AuthSettings {
    AuthSettings { keys: JwtKeys::PublicKeys(blocks.concat()), ..hs256(&[]) }
}

#[tokio::test]
async fn every_key_of_a_file_is_accepted() {
    let rsa = EncodingKey::from_rsa_pem(keys::RSA_PRIVATE).expect("a key");
    let p256 = EncodingKey::from_ec_pem(keys::P256_PRIVATE).expect("a key");
    let ed25519 = EncodingKey::from_ed_pem(keys::ED25519_PRIVATE).expect("a key");
    let payload = claims(json!({}));
    let signed = |algorithm, key| encode(&Header::new(algorithm), &payload, key).expect("a token");
    let (with_rsa, with_p256, with_ed25519) =
        (signed(Algorithm::RS256, &rsa), signed(Algorithm::ES256, &p256), signed(Algorithm::EdDSA, &ed25519));
    let comment = b"The old key, until March\n".as_slice();
    let gateway =
        start_checking(file_of(&[comment, keys::P256_PUBLIC, b"\n", comment, keys::ED25519_PUBLIC])).await;
    assert!(accepts(&gateway, &with_p256).await && accepts(&gateway, &with_ed25519).await);
    assert!(!accepts(&gateway, &with_rsa).await);
}

#[test]
fn a_file_with_a_block_that_is_not_read_is_refused() {
    let refusal = |blocks: &[&[u8]]| Authenticator::new(file_of(blocks)).expect_err("refused");
    let truncated = &keys::ED25519_PUBLIC[..keys::ED25519_PUBLIC.len() / 2];
    let certificate: &[u8] = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    for second in [truncated, certificate, keys::P384_PUBLIC] {
        assert_eq!(refusal(&[keys::P256_PUBLIC, second]), AuthSettingsError::UnknownKey);
        assert_eq!(refusal(&[second, keys::P256_PUBLIC]), AuthSettingsError::UnknownKey);
    }
    assert_eq!(refusal(&[keys::P256_PUBLIC, keys::RSA_PRIVATE]), AuthSettingsError::PrivateKey);
    assert_eq!(refusal(&[keys::P256_PUBLIC, keys::RSA_1024_PUBLIC]), AuthSettingsError::KeyTooSmall);
}

#[tokio::test]
async fn hints_in_the_header_are_ignored_and_critical_ones_refused() {
    let gateway = start(&World::new()).await;
    let payload = claims(json!({}));
    let hinted = Header {
        kid: Some("../../dev/null'; drop table users".repeat(20)),
        jku: Some("http://127.0.0.1:1/keys".to_owned()),
        x5u: Some("http://127.0.0.1:1/cert".to_owned()),
        ..Header::default()
    };
    assert!(accepts(&gateway, &token(&hinted, &payload, SECRET)).await);
    assert!(!accepts(&gateway, &token(&hinted, &payload, OTHER_SECRET)).await);
    for critical in [vec!["b64".to_owned()], vec!["http://example.com/x".to_owned()], vec![]] {
        let header = Header { crit: Some(critical), ..Header::default() };
        assert!(!accepts(&gateway, &token(&header, &payload, SECRET)).await);
    }
}

#[tokio::test]
async fn a_token_is_valid_between_its_times() {
    let strict = start(&World::new()).await;
    let lenient = start_checking(AuthSettings { leeway_secs: 10, ..hs256(&[SECRET]) }).await;
    let now = get_current_timestamp();
    let expired = hs256_token(json!({ "exp": now - 3 }));
    let early = hs256_token(json!({ "nbf": now + 5 }));
    for (gateway, is_accepted) in [(&strict, false), (&lenient, true)] {
        assert_eq!(accepts(gateway, &expired).await, is_accepted);
        assert_eq!(accepts(gateway, &early).await, is_accepted);
        assert!(!accepts(gateway, &hs256_token(json!({ "exp": now - 20 }))).await);
        assert!(!accepts(gateway, &hs256_token(json!({ "nbf": now + 60 }))).await);
        for exp in [json!(null), json!((now + 60).to_string()), json!({}), json!(-1)] {
            assert!(!accepts(gateway, &hs256_token(json!({ "exp": exp }))).await, "{exp}");
        }
        assert!(!accepts(gateway, &hs256_token(json!({ "nbf": "tomorrow" }))).await);
    }
}

#[tokio::test]
async fn a_subject_is_the_id_of_a_user() {
    let gateway = start(&World::new()).await;
    for sub in [json!(null), json!(7), json!(["u1"]), json!(""), json!("u\u{0}1"), json!("x".repeat(129))] {
        assert!(!accepts(&gateway, &hs256_token(json!({ "sub": sub }))).await, "{sub}");
    }
}

#[tokio::test]
async fn issuer_and_audience_are_required_where_they_are_configured() {
    let without_either = start(&World::new()).await;
    assert!(accepts(&without_either, &hs256_token(json!({ "iss": "x", "aud": ["y", "z"] }))).await);
    let settings = AuthSettings {
        issuer: Some("https://id.example".to_owned()),
        audience: Some("outdial".to_owned()),
        ..hs256(&[SECRET])
    };
    let gateway = start_checking(settings).await;
    let good = json!({ "iss": "https://id.example", "aud": "outdial" });
    assert!(accepts(&gateway, &hs256_token(good)).await);
    assert!(
        accepts(&gateway, &hs256_token(json!({ "iss": "https://id.example", "aud": ["a", "outdial"] })))
            .await
    );
    let refused = [
        json!({}),
        json!({ "iss": "https://id.example" }),
        json!({ "aud": "outdial" }),
        json!({ "iss": "https://id.example/", "aud": "outdial" }),
        json!({ "iss": ["https://id.example"], "aud": "outdial" }),
        json!({ "iss": "https://id.example", "aud": "outdial2" }),
        json!({ "iss": "https://id.example", "aud": [] }),
        json!({ "iss": "https://id.example", "aud": { "outdial": true } }),
    ];
    for changes in refused {
        assert!(!accepts(&gateway, &hs256_token(changes.clone())).await, "{changes}");
    }
}

#[tokio::test]
async fn secrets_rotate() {
    let old = token(&Header::default(), &claims(json!({})), OTHER_SECRET);
    let new = hs256_token(json!({}));
    let both = start_checking(hs256(&[SECRET, OTHER_SECRET])).await;
    assert!(accepts(&both, &new).await && accepts(&both, &old).await);
    let rotated = start_checking(hs256(&[SECRET])).await;
    assert!(accepts(&rotated, &new).await && !accepts(&rotated, &old).await);
}

#[tokio::test]
async fn a_token_that_the_gateway_signs_is_accepted() {
    let settings = || AuthSettings {
        issuer: Some("outdial".to_owned()),
        audience: Some("outdial".to_owned()),
        ..hs256(&[SECRET, OTHER_SECRET])
    };
    let user = UserId::parse("u1").expect("a valid id");
    let authenticator = Authenticator::new(settings()).expect("settings");
    let gateway = start_checking(settings()).await;
    assert!(accepts(&gateway, &authenticator.sign(&user, Duration::from_secs(60)).expect("a token")).await);
    let public = AuthSettings { keys: JwtKeys::PublicKeys(keys::RSA_PUBLIC.to_vec()), ..settings() };
    let verifier = Authenticator::new(public).expect("settings");
    assert_eq!(verifier.sign(&user, Duration::from_secs(60)), Err(SignError::NoSecret));
}

#[test]
fn settings_that_accept_forged_tokens_are_refused() {
    let refusal = |settings| Authenticator::new(settings).expect_err("refused");
    let public = |pem: &[u8]| AuthSettings { keys: JwtKeys::PublicKeys(pem.to_vec()), ..hs256(&[]) };
    assert_eq!(refusal(hs256(&[])), AuthSettingsError::NoSecret);
    assert_eq!(refusal(hs256(&[&SECRET[1..]])), AuthSettingsError::SecretTooShort);
    assert_eq!(refusal(hs256(&[SECRET, b""])), AuthSettingsError::SecretTooShort);
    assert_eq!(
        refusal(AuthSettings { leeway_secs: 11, ..hs256(&[SECRET]) }),
        AuthSettingsError::LeewayTooLong
    );
    assert_eq!(refusal(public(b"")), AuthSettingsError::UnknownKey);
    assert_eq!(refusal(public(b"-----BEGIN PUBLIC KEY-----\n")), AuthSettingsError::UnknownKey);
    assert_eq!(refusal(public(keys::RSA_PRIVATE)), AuthSettingsError::PrivateKey);
    assert_eq!(refusal(public(keys::RSA_1024_PUBLIC)), AuthSettingsError::KeyTooSmall);
    assert_eq!(refusal(public(keys::P384_PUBLIC)), AuthSettingsError::UnknownKey);
}

#[test]
fn debug_output_does_not_show_keys() {
    let settings =
        AuthSettings { keys: JwtKeys::Hs256(vec![SecretSlice::from(SECRET.to_vec())]), ..hs256(&[]) };
    let shown = format!("{settings:?} {:?}", Authenticator::new(hs256(&[SECRET])).expect("settings"));
    let as_list = format!("{SECRET:?}");
    assert!(!shown.contains("0123456789") && !shown.contains(as_list.trim_matches(['[', ']'])), "{shown}");
}
