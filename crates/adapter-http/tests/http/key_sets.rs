//! Tokens that are checked with the key set of an issuer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use adapter_http::{AuthSettings, AuthSettingsError, Authenticator, JwtKeys, KeySetSource};
use async_trait::async_trait;
use domain::ports::PortUnavailable;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

use crate::running::{Options, Running, hs256, send, start_with};
use crate::world::World;

/// A key set that the test changes, and that counts how often it is read.
#[derive(Debug, Default)]
struct Issuer {
    document: Mutex<Option<Vec<u8>>>,
    reads: AtomicUsize,
}

#[async_trait]
impl KeySetSource for Issuer {
    async fn read(&self) -> Result<Vec<u8>, PortUnavailable> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let document = self.document.lock().expect("no panic while it is locked").clone();
        document.ok_or_else(|| PortUnavailable::new("key set", "no response"))
    }
}

impl Issuer {
    fn publish(&self, document: Option<Vec<u8>>) {
        *self.document.lock().expect("no panic while it is locked") = document;
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

/// One key of the file with all keys.
fn key(id: &str) -> Value {
    let set: Value = serde_json::from_slice(include_bytes!("../keys/jwks.json")).expect("JSON");
    let keys = set["keys"].as_array().expect("a list");
    keys.iter().find(|key| key["kid"] == id).expect("a key with this id").clone()
}

fn changed(id: &str, changes: &[(&str, Value)]) -> Value {
    let mut key = key(id);
    for (name, value) in changes {
        match value {
            Value::Null => drop(key.as_object_mut().expect("an object").remove(*name)),
            value => key[*name] = value.clone(),
        }
    }
    key
}

fn set_of(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn settings(document: Vec<u8>, source: &Arc<Issuer>) -> AuthSettings {
    AuthSettings { keys: JwtKeys::KeySet { document, source: source.clone() }, ..hs256(&[]) }
}

async fn start(document: Vec<u8>, issuer: &Arc<Issuer>) -> Running {
    start_with(&World::new(), Options { auth: settings(document, issuer), ..Options::default() }).await
}

/// A token that is signed with the key of this name, with this id in its header.
fn token(key: &str, named: Option<&str>) -> String {
    let (algorithm, key) = match key {
        "rsa" => (Algorithm::RS256, EncodingKey::from_rsa_pem(include_bytes!("../keys/rsa.private.pem"))),
        "p256" => (Algorithm::ES256, EncodingKey::from_ec_pem(include_bytes!("../keys/p256.private.pem"))),
        "ed25519" => {
            (Algorithm::EdDSA, EncodingKey::from_ed_pem(include_bytes!("../keys/ed25519.private.pem")))
        }
        other => panic!("no private key {other}"),
    };
    let header = Header { kid: named.map(str::to_owned), ..Header::new(algorithm) };
    let claims = json!({ "sub": "u1", "exp": get_current_timestamp() + 60 });
    encode(&header, &claims, &key.expect("a key")).expect("a token")
}

/// `None` if the token is accepted, or else why it is not.
async fn refusal(gateway: &Running, token: &str) -> Option<String> {
    let request = gateway.anonymous_post().bearer_auth(token).header("content-type", "application/json");
    let response = send(request.body(r#"{"contactId":"c1"}"#)).await;
    if response.status == 200 {
        return None;
    }
    response.assert_error(401, "UNAUTHORIZED");
    Some(response.body["reason"].as_str().expect("a reason").to_owned())
}

#[tokio::test]
async fn each_usable_key_of_the_set_is_accepted() {
    let issuer = Arc::new(Issuer::default());
    let gateway = start(set_of(&[key("rsa"), key("p256"), key("ed25519")]), &issuer).await;
    for name in ["rsa", "p256", "ed25519"] {
        assert_eq!(refusal(&gateway, &token(name, Some(name))).await, None, "{name}");
        assert_eq!(refusal(&gateway, &token(name, None)).await, None, "{name} without an id");
    }
    assert_eq!(issuer.reads(), 0);
    let with_another_id = token("rsa", Some("p256"));
    assert_eq!(refusal(&gateway, &with_another_id).await.as_deref(), Some("another algorithm"));
}

#[tokio::test]
async fn a_new_key_is_accepted_without_a_restart_and_a_removed_one_is_not() {
    let issuer = Arc::new(Issuer::default());
    let gateway = start(set_of(&[key("rsa")]), &issuer).await;
    issuer.publish(Some(set_of(&[key("p256")])));
    assert_eq!(refusal(&gateway, &token("p256", Some("p256"))).await, None);
    assert_eq!(issuer.reads(), 1);
    assert_eq!(refusal(&gateway, &token("rsa", Some("rsa"))).await.as_deref(), Some("unknown key"));
    // Anyone can send tokens with unknown keys: they do not make the gateway read again soon.
    for _ in 0..5 {
        assert_eq!(refusal(&gateway, &token("rsa", Some("x"))).await.as_deref(), Some("unknown key"));
    }
    assert_eq!(issuer.reads(), 1);
}

#[tokio::test]
async fn the_last_keys_stay_valid_while_the_issuer_is_unavailable() {
    let issuer = Arc::new(Issuer::default());
    let authenticator =
        Authenticator::new(settings(set_of(&[key("rsa")]), &issuer)).expect("a usable key set");
    assert!(authenticator.refresh_keys().await.is_err());
    for unusable in [&b"<html>"[..], b"{}", br#"{"keys":[]}"#] {
        issuer.publish(Some(unusable.to_vec()));
        assert!(authenticator.refresh_keys().await.is_err());
    }
    issuer.publish(None);
    let gateway = start(set_of(&[key("rsa")]), &issuer).await;
    assert_eq!(refusal(&gateway, &token("p256", Some("p256"))).await.as_deref(), Some("unknown key"));
    assert_eq!(refusal(&gateway, &token("rsa", Some("rsa"))).await, None);
}

#[test]
fn keys_for_other_purposes_are_not_used() {
    let refused = |keys: &[Value]| Authenticator::new(settings(set_of(keys), &Arc::default())).err();
    let secret = json!({ "kty": "oct", "kid": "s", "alg": "HS256", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY" });
    let others = [
        secret,
        json!({ "kty": "future" }),
        json!("not an object"),
        key("rsa1024"),
        changed("rsa", &[("use", json!("enc"))]),
        changed("rsa", &[("alg", json!("RS512"))]),
        changed("rsa", &[("alg", json!("HS256"))]),
        changed("rsa", &[("n", Value::Null)]),
        changed("p256", &[("key_ops", json!(["encrypt"]))]),
        changed("p256", &[("crv", json!("P-384"))]),
        changed("p256", &[("x", json!("AA"))]),
        changed("ed25519", &[("crv", json!("Ed448"))]),
        changed("ed25519", &[("x", json!("AA"))]),
    ];
    for other in &others {
        assert_eq!(refused(std::slice::from_ref(other)), Some(AuthSettingsError::NoUsableKey), "{other}");
    }
    // They do not disturb a key beside them.
    assert_eq!(refused(&[&others[..], &[key("ed25519")]].concat()), None);
    let private = changed("p256", &[("d", json!("AA"))]);
    assert_eq!(refused(&[key("rsa"), private]), Some(AuthSettingsError::PrivateKey));
    let no_set = Authenticator::new(settings(b"[]".to_vec(), &Arc::default()));
    assert_eq!(no_set.err(), Some(AuthSettingsError::NoKeySet));
}
