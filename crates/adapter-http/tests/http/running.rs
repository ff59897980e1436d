//! A gateway that listens on a port of its own, and a client for it.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{
    AllowedOrigins, AuthSettings, Authenticator, CallRunner, ComponentHealth, Gateway, GatewayParts,
    HttpSettings, JwtKeys, Readiness, TimeLimits, serve,
};
use async_trait::async_trait;
use domain::{MaxShare, PlaceCall, UserId};
use reqwest::{Client, RequestBuilder};
use secrecy::SecretSlice;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::log::Log;
use crate::toggling::toggle_number;
use crate::world::World;

pub(crate) const PATH: &str = "/api/calls/ai/outbound";
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Gateway,
    pub(crate) calls: Arc<CallRunner>,
    pub(crate) server: actix_web::dev::ServerHandle,
    client: Client,
    token: String,
    runtime: Option<Runtime>,
}

pub(crate) struct Options {
    pub(crate) auth: AuthSettings,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) max_in_flight: usize,
    /// What one organization may have of the calls and the streams.
    pub(crate) max_share: MaxShare,
    pub(crate) body_timeout: Duration,
    pub(crate) event_timeout: Duration,
    pub(crate) event_stall: Duration,
    /// On the clock of the world: a heartbeat comes when the test advances it.
    pub(crate) heartbeat: Duration,
    pub(crate) recording_chunk_timeout: Duration,
    pub(crate) unread_timeout: Duration,
    pub(crate) token_lifetime: Duration,
    pub(crate) allowed_origins: AllowedOrigins,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auth: hs256(&[SECRET]),
            readiness: Arc::new(AllUp),
            max_in_flight: 100,
            max_share: MaxShare::default(),
            body_timeout: Duration::from_secs(10),
            event_timeout: Duration::from_secs(10),
            event_stall: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            recording_chunk_timeout: Duration::from_secs(30),
            unread_timeout: Duration::from_secs(60),
            token_lifetime: Duration::from_secs(600),
            allowed_origins: AllowedOrigins::None,
        }
    }
}

pub(crate) fn hs256(secrets: &[&[u8]]) -> AuthSettings {
    let secrets = secrets.iter().map(|secret| SecretSlice::from(secret.to_vec())).collect();
    AuthSettings { keys: JwtKeys::Hs256(secrets), issuer: None, audience: None, leeway_secs: 0 }
}

struct AllUp;

#[async_trait]
impl Readiness for AllUp {
    async fn check(&self) -> Vec<ComponentHealth> {
        vec![ComponentHealth { name: "store", problem: None }]
    }
}

/// Waits up to 20 s.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("an end within 20 s")
}

pub(crate) async fn start(world: &World) -> Running {
    start_with(world, Options::default()).await
}

pub(crate) async fn start_with(world: &World, options: Options) -> Running {
    start_calling(runtime_for_calls(), world.place_call(), world, options)
}

pub(crate) fn runtime_for_calls() -> Runtime {
    let calls = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    calls.expect("a runtime for the calls")
}

/// A gateway whose calls run on this runtime, which the ports of `place_call` must belong to.
pub(crate) fn start_calling(
    runtime: Runtime,
    place_call: PlaceCall,
    world: &World,
    options: Options,
) -> Running {
    let (handle, max_share) = (runtime.handle().clone(), options.max_share);
    let calls = Arc::new(CallRunner::new(place_call, handle, options.max_in_flight, max_share));
    let authenticator = Arc::new(Authenticator::new(options.auth).expect("valid settings"));
    let user = UserId::parse("u1").expect("a valid id");
    // A gateway with a public key cannot sign: its tests make their own tokens.
    let token = authenticator.sign(&user, options.token_lifetime).unwrap_or_default();
    let gateway = Gateway::new(GatewayParts {
        calls: Arc::clone(&calls),
        authenticator,
        readiness: options.readiness,
        read_calls: Arc::new(world.read_calls()),
        read_directory: Arc::new(world.read_directory()),
        settings: Arc::new(world.settings()),
        voice_config: Arc::new(world.voice_config()),
        toggle_number: Arc::new(toggle_number(world)),
        refusals: Arc::new(world.refusals()),
        follow_calls: Arc::new(world.follow_calls()),
        webhooks: Arc::new(world.webhooks()),
        callee_records: Arc::new(world.callee_records()),
        opt_outs: Arc::new(world.opt_outs()),
        provider: "elevenlabs",
        events: world.has_webhook_secret.then(|| world.events()),
        personalize: world.has_webhook_secret.then(|| Arc::new(world.personalize())),
        time_limits: TimeLimits {
            body: options.body_timeout,
            event: options.event_timeout,
            event_stall: options.event_stall,
            heartbeat: options.heartbeat,
            recording_chunk: options.recording_chunk_timeout,
        },
        watch: None,
        tracer: None,
        max_share,
        runtime: runtime.handle().clone(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let settings = HttpSettings {
        workers: 1,
        unread_timeout: options.unread_timeout,
        shutdown_timeout: Duration::from_secs(30),
        allowed_origins: options.allowed_origins,
    };
    let server = serve(listener, gateway.clone(), settings).expect("a server");
    let handle = server.handle();
    tokio::spawn(server);
    Running {
        address,
        gateway,
        calls,
        server: handle,
        client: Client::builder().no_proxy().build().expect("a client"),
        token,
        runtime: Some(runtime),
    }
}

impl Running {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a token.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().expect("a method"), self.url(path))
    }

    /// A `GET` without a token.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.anonymous("GET", path)
    }

    /// A request for a call, without a token, a content type and a body.
    pub(crate) fn anonymous_post(&self) -> RequestBuilder {
        self.anonymous("POST", PATH)
    }

    /// A request with the user's token.
    pub(crate) fn authorized(&self, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    /// A `GET` with the user's token.
    pub(crate) fn read(&self, path: &str) -> RequestBuilder {
        self.authorized("GET", path)
    }

    /// A request with the user's token whose body is declared to be JSON.
    pub(crate) fn json(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.authorized(method, path).header(JSON.0, JSON.1).body(body)
    }

    /// A request for a call, with the user's token and this body.
    pub(crate) fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.json("POST", PATH, body)
    }

    pub(crate) async fn place(&self, body: Value) -> Response {
        send(self.post(body.to_string())).await
    }

    /// Opens a connection and writes the head of a request for a call, with the user's token and
    /// these headers, each with its CRLF.
    pub(crate) async fn raw_head(&self, headers: &str) -> TcpStream {
        let token = &self.token;
        let json = "Content-Type: application/json\r\n";
        self.raw("POST", PATH, &format!("Authorization: Bearer {token}\r\n{json}{headers}")).await
    }

    /// Opens a connection and writes the head of a request with these headers, each with its CRLF.
    pub(crate) async fn raw(&self, method: &str, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("the gateway listens");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.expect("the head is sent");
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        // `stop` sends its command before it returns the future, which nothing needs to wait for.
        drop(self.server.stop(false));
    }
}

/// A response with its whole body.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// Asserts status and body of a success that no cache may store.
    pub(crate) fn assert_ok(&self, status: u16, body: &Value) {
        assert_eq!((self.status, &self.body), (status, body));
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }

    /// Asserts status and code, and that the body has the contract's form of an error.
    pub(crate) fn assert_error(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.body["success"], false);
        assert_eq!(self.header("content-type"), Some("application/json"));
        if code == "VALIDATION_FAILED" {
            assert_eq!(self.body["error"]["code"], code);
            assert!(self.body["error"]["message"].is_string());
            assert!(self.body["error"]["details"].as_array().is_some_and(|details| !details.is_empty()));
        } else {
            assert!(self.body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
        }
    }

    /// Asserts that a request with this input was refused because of exactly these fields, and that
    /// the response does not quote the text `hunter2`.
    pub(crate) fn assert_invalid(&self, fields: &[&str], input: &str) {
        self.assert_error(400, "VALIDATION_FAILED");
        let details = self.body["error"]["details"].as_array().expect("a list");
        let named: Vec<_> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
        assert_eq!(named, fields, "{input}");
        assert!(!self.body.to_string().contains("hunter2"), "{}", self.body);
    }

    /// Asserts that the response says when to try again.
    pub(crate) fn assert_retry_after(&self) {
        let retry_after = self.header("retry-after").expect("a Retry-After header").parse::<u32>();
        assert!(retry_after.is_ok_and(|secs| secs >= 1));
    }

    /// Asserts that a store was unavailable, that the response does not say which and why, and that
    /// the log has the cause once.
    pub(crate) fn assert_unavailable(&self, log: &Log, request_id: &str) {
        self.assert_error(500, "SERVICE_UNAVAILABLE");
        self.assert_retry_after();
        let text = self.body.to_string();
        assert!(!text.contains("memory") && !text.contains("lost"), "{text}");
        log.assert_one_cause(request_id, "memory is unavailable: the store is lost");
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Response {
    let response = request.send().await.expect("a response");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("a whole body");
    Response { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Everything that the gateway sends on a connection until it closes it.
pub(crate) async fn read_to_close(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    soon(stream.read_to_end(&mut received)).await.expect("an orderly close");
    String::from_utf8(received).expect("text")
}
