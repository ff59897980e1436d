//! A gateway that listens on a port of its own, and a client for it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{
    AuthSettings, Authenticator, CallRunner, ComponentHealth, EventIntake, Gateway, GatewayParts,
    HttpSettings, JwtKeys, Readiness, TimeLimits, serve,
};
use async_trait::async_trait;
use domain::ports::RecordingStore;
use domain::{FollowCalls, PersonalizeCall, PlaceCall, ReadCalls, UserId};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::SecretSlice;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::books::Books;
use crate::endpoints::Endpoints;
use crate::feed::Feed;
use crate::world::World;

pub(crate) const PATH: &str = "/api/calls/ai/outbound";
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

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
    pub(crate) body_timeout: Duration,
    pub(crate) event_timeout: Duration,
    pub(crate) books: Books,
    pub(crate) events: Option<EventIntake>,
    pub(crate) recordings: Option<Arc<dyn RecordingStore>>,
    pub(crate) feed: Feed,
    pub(crate) heartbeat: Duration,
    pub(crate) unread_timeout: Duration,
    pub(crate) endpoints: Endpoints,
    pub(crate) personalize: Option<PersonalizeCall>,
    /// For how long the token of every request is good.
    pub(crate) token_lifetime: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auth: hs256(&[SECRET]),
            readiness: Arc::new(AllUp),
            max_in_flight: 100,
            body_timeout: Duration::from_secs(10),
            event_timeout: Duration::from_secs(10),
            books: Books::default(),
            events: None,
            recordings: None,
            feed: Feed::default(),
            heartbeat: Duration::from_secs(15),
            unread_timeout: Duration::from_secs(60),
            endpoints: Endpoints::default(),
            personalize: None,
            token_lifetime: Duration::from_secs(600),
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
        vec![ComponentHealth { name: "store", healthy: true }]
    }
}

pub(crate) async fn start(world: World) -> Running {
    start_with(world, Options::default()).await
}

pub(crate) async fn start_with(world: World, options: Options) -> Running {
    start_calling(runtime_for_calls(), world.place_call(), options)
}

pub(crate) fn runtime_for_calls() -> Runtime {
    let calls = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    calls.expect("a runtime for the calls")
}

/// A gateway whose calls run on this runtime, which the ports of `place_call` must belong to.
pub(crate) fn start_calling(runtime: Runtime, place_call: PlaceCall, options: Options) -> Running {
    let calls = CallRunner::new(Arc::new(place_call), runtime.handle().clone(), options.max_in_flight);
    let calls = Arc::new(calls);
    let authenticator = Authenticator::new(options.auth).expect("settings of a test");
    let user = UserId::parse("u1").expect("an id");
    let token = authenticator.sign(&user, options.token_lifetime).unwrap_or_default();
    let books = Arc::new(options.books);
    let gateway = Gateway::new(GatewayParts {
        calls: Arc::clone(&calls),
        authenticator,
        readiness: options.readiness,
        read_calls: Arc::new(ReadCalls::new(books.clone(), books.clone(), options.recordings)),
        follow_calls: Arc::new(FollowCalls::new(books.clone(), Arc::new(options.feed))),
        webhooks: Arc::new(options.endpoints.registry(books)),
        provider: "elevenlabs",
        events: options.events,
        personalize: options.personalize.map(Arc::new),
        time_limits: TimeLimits {
            body: options.body_timeout,
            event: options.event_timeout,
            heartbeat: options.heartbeat,
        },
        runtime: runtime.handle().clone(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let settings = HttpSettings {
        workers: 1,
        unread_timeout: options.unread_timeout,
        shutdown_timeout: Duration::from_secs(30),
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

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn method(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().expect("a method"), self.url(path))
    }

    /// A request for a call, with nothing but its path.
    pub(crate) fn bare_post(&self) -> RequestBuilder {
        self.client.post(self.url(PATH))
    }

    /// A request for a call, authenticated.
    pub(crate) fn authenticated(&self) -> RequestBuilder {
        self.bare_post().bearer_auth(&self.token)
    }

    /// A request for a call, authenticated and declared to be JSON.
    pub(crate) fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.authenticated().header("content-type", "application/json").body(body)
    }

    /// A request to read, authenticated.
    pub(crate) fn read(&self, path: &str) -> RequestBuilder {
        self.asking("GET", path)
    }

    /// A request of any method, authenticated.
    pub(crate) fn asking(&self, method: &str, path: &str) -> RequestBuilder {
        self.method(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn place(&self, body: Value) -> Answer {
        answer(self.post(body.to_string())).await
    }

    /// Opens a connection and writes a request's head, authenticated, with headers of one's own (each with its CRLF).
    pub(crate) async fn raw_head(&self, headers: &str) -> TcpStream {
        let token = &self.token;
        let json = "Content-Type: application/json\r\n";
        self.raw_post(PATH, &format!("Authorization: Bearer {token}\r\n{json}{headers}")).await
    }

    /// Opens a connection and writes the head of a `POST`, with headers of one's own (each with its CRLF).
    pub(crate) async fn raw_post(&self, path: &str, headers: &str) -> TcpStream {
        self.raw("POST", path, headers).await
    }

    /// Opens a connection and writes the head of a request, with headers of one's own (each with its CRLF).
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
        // The stop is sent at once; its answer is for nobody.
        drop(self.server.stop(false));
    }
}

/// A response, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// Asserts status and code, and that the envelope is the contract's.
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
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    read(request.send().await.expect("an answer")).await
}

async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("a whole body");
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Everything the gateway sends on a connection until it closes it.
pub(crate) async fn read_to_close(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut received));
    reading.await.expect("a close in time").expect("an orderly close");
    String::from_utf8(received).expect("text")
}
