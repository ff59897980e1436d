//! The tokens of clients, from an operator's view: `outdial token`, and a key set that changes.

use std::net::SocketAddr;
use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use server::{Application, Settings, Source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::running::outdial_in;

const SECRET: (&str, &str) = ("OUTDIAL_JWT_SECRET", "a secret that is long enough for HS256");
const USER: &str = concat!(
    r#"{"kind":"organization","id":"o1","name":"Org"}"#,
    "\n",
    r#"{"kind":"user","id":"u1","organizationId":"o1","fullName":"User"}"#,
    "\n"
);

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    entries.map(|entry| name(entry).into_string().expect("an ASCII name")).collect()
}

#[test]
fn the_token_command_changes_nothing_and_knows_the_user() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let token = ["token", "--user", "u1"];
    let (succeeded, _, stderr) = outdial_in(folder.path(), &token, &[]);
    assert!(!succeeded && stderr.contains("there is no secret yet"), "{stderr}");
    let (succeeded, _, stderr) = outdial_in(folder.path(), &token, &[SECRET]);
    assert!(!succeeded && stderr.contains("there is no database"), "{stderr}");
    assert_eq!(files(folder.path()), [""; 0], "nothing was created");

    std::fs::write(folder.path().join("users.ndjson"), USER).expect("a writable folder");
    let (succeeded, _, stderr) = outdial_in(folder.path(), &["import", "users.ndjson"], &[SECRET]);
    assert!(succeeded, "{stderr}");
    let (succeeded, printed, stderr) = outdial_in(folder.path(), &token, &[SECRET]);
    assert!(succeeded && printed.trim().split('.').count() == 3, "{stderr}");
    let (succeeded, printed, stderr) = outdial_in(folder.path(), &["token", "--user", "u2"], &[SECRET]);
    assert!(!succeeded && printed.is_empty() && stderr.contains("no user with this id"), "{stderr}");
    let (succeeded, _, stderr) = outdial_in(folder.path(), &token, &[]);
    assert!(!succeeded && stderr.contains("there is no secret yet"), "{stderr}");
    assert!(!files(folder.path()).iter().any(|name| name.ends_with("jwt-secret")));
    let (succeeded, _, stderr) =
        outdial_in(folder.path(), &token, &[("OUTDIAL_JWT_JWKS", "file://jwks.json")]);
    assert!(!succeeded && stderr.contains("only public keys are configured"), "{stderr}");
}

fn keys(ids: &[&str]) -> String {
    let set: Value =
        serde_json::from_str(include_str!("../../../adapter-http/tests/keys/jwks.json")).expect("JSON");
    let keys = set["keys"].as_array().expect("a list").iter();
    let keys: Vec<_> = keys.filter(|key| ids.iter().any(|id| key["kid"] == *id)).collect();
    json!({ "keys": keys }).to_string()
}

fn token() -> String {
    let key =
        EncodingKey::from_ed_pem(include_bytes!("../../../adapter-http/tests/keys/ed25519.private.pem"));
    let header = Header { kid: Some("ed25519".to_owned()), ..Header::new(Algorithm::EdDSA) };
    let claims = json!({ "sub": "u1", "exp": get_current_timestamp() + 600 });
    encode(&header, &claims, &key.expect("a key")).expect("a token")
}

/// The head of the response to a request with this token.
async fn response(address: SocketAddr, token: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "GET /api/calls/history HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("a response");
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_gateway_accepts_the_keys_that_its_key_set_has_now() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("jwks.json");
    let publish = |ids: &[&str]| {
        let next = folder.path().join("next.json");
        std::fs::write(&next, keys(ids)).expect("a writable folder");
        std::fs::rename(&next, &file).expect("a writable folder");
    };
    let settings = |file: &Path| {
        Settings::load(&Source::of([
            ("OUTDIAL_BIND".to_owned(), "127.0.0.1:0".to_owned()),
            ("OUTDIAL_JWT_JWKS".to_owned(), format!("file://{}", file.display())),
            ("OUTDIAL_DATABASE_URL".to_owned(), format!("sqlite://{}/a.db", folder.path().display())),
            ("OUTDIAL_RECORDINGS_URL".to_owned(), "none".to_owned()),
        ]))
        .expect("good settings")
    };
    let missing = Application::build(settings(&file)).await.err().expect("there is no key set");
    let missing = format!("{missing:#}");
    assert!(missing.contains("OUTDIAL_JWT_JWKS") && missing.contains("cannot be read"), "{missing}");

    publish(&["rsa"]);
    let application = Application::build(settings(&file)).await.expect("a gateway");
    let address = application.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(application.run(async move { drop(stopped.await) }));
    publish(&["rsa", "ed25519"]);
    // The user is not in the database: the token was accepted.
    let accepted = response(address, &token()).await;
    assert!(accepted.starts_with("HTTP/1.1 404") && accepted.contains("USER_NOT_FOUND"), "{accepted}");
    let refused = response(address, "a.b.c").await;
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("malformed"), "{refused}");
    drop(stop);
    running.await.expect("no panic").expect("a stop");
}
