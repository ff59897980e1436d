use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use testkit::eventually;
use tokio::task::JoinHandle;

use super::event_stream::EventStream;
use super::world::JWT_SECRET;

const OUTBOUND_CALLS: &str = "/api/calls/ai/outbound";

/// An HTTP client without a proxy. A request ends after a minute.
pub(crate) fn http_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60));
    builder.build().expect("the TLS backend is compiled in")
}

/// A user's REST client of one gateway.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    user: String,
}

/// A response with its body as JSON. The body is `null` where it is not JSON.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A request for a call that waits for its response in a task of its own.
pub(crate) struct PendingCall(JoinHandle<Option<Response>>);

impl PendingCall {
    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// `None` if the connection broke before the response was complete.
    pub(crate) async fn try_response(self) -> Option<Response> {
        self.0.await.expect("the client does not panic")
    }

    pub(crate) async fn response(self) -> Response {
        self.try_response().await.expect("the gateway responds")
    }
}

impl Response {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn call_id(&self) -> String {
        self.body["callId"].as_str().unwrap_or_else(|| panic!("no callId in {}", self.body)).to_owned()
    }

    /// A call was placed for this request.
    pub(crate) fn is_new_call(&self) -> bool {
        self.status == 200 && self.body["deduplicated"] == false
    }

    /// The request got the result of an earlier request for the same intent.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.status == 200 && self.body["deduplicated"] == true
    }

    /// The request got the result of the call of its `Idempotency-Key`.
    pub(crate) fn is_replay(&self) -> bool {
        self.is_duplicate() && self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.status == 429 && self.code() == "OUTBOUND_IN_FLIGHT"
    }

    /// The header `Retry-After`, in seconds.
    pub(crate) fn retry_after(&self) -> u64 {
        let header = self.headers.get("retry-after").expect("the response has a Retry-After header");
        header.to_str().expect("the header is ASCII").parse().expect("the header is an integer")
    }

    pub(crate) fn assert_error(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.body);
        assert_eq!(self.body["success"], false, "{}", self.body);
        assert!(!self.body["error"].is_null(), "{}", self.body);
    }

    /// `None` if the connection breaks.
    async fn read(request: RequestBuilder) -> Option<Self> {
        Self::of(request.send().await.ok()?).await
    }

    /// `None` if the connection breaks.
    async fn of(response: reqwest::Response) -> Option<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = serde_json::from_str(&response.text().await.ok()?).unwrap_or(Value::Null);
        Some(Self { status, headers, body })
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, user: &str) -> Self {
        Self { http: http_client(), address, user: user.to_owned() }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of the same gateway for another user.
    pub(crate) fn of_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self.clone() }
    }

    /// A JWT of the user that is valid for an hour.
    pub(crate) fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
        let claims = json!({ "sub": self.user, "exp": now + 3600 });
        let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
        jsonwebtoken::encode(&Header::default(), &claims, &key).expect("HS256 signs any claims")
    }

    /// The request for a call, not sent yet.
    pub(crate) fn call_request(&self, body: &Value) -> RequestBuilder {
        self.http.post(self.url(OUTBOUND_CALLS)).bearer_auth(self.token()).json(body)
    }

    pub(crate) async fn place(&self, body: Value) -> Response {
        self.try_place(body).await.expect("the gateway responds")
    }

    /// `None` if the connection breaks.
    pub(crate) async fn try_place(&self, body: Value) -> Option<Response> {
        Response::read(self.call_request(&body)).await
    }

    /// `None` if the gateway refused the connection: it has received nothing. Panics if the connection
    /// breaks later.
    pub(crate) async fn place_unless_refused(&self, body: &Value) -> Option<Response> {
        match self.call_request(body).send().await {
            Err(error) if error.is_connect() => None,
            sent => Some(Response::of(sent.expect("the gateway responds")).await.expect("a whole response")),
        }
    }

    /// Places a call with this `Idempotency-Key`.
    pub(crate) async fn place_with_key(&self, key: &str, body: &Value) -> Response {
        let request = self.call_request(body).header("idempotency-key", key);
        Response::read(request).await.expect("the gateway responds")
    }

    /// Requests a call with this `Idempotency-Key` in a task of its own.
    pub(crate) fn start_placing_with_key(&self, key: &str, body: &Value) -> PendingCall {
        let request = self.call_request(body).header("idempotency-key", key);
        PendingCall(tokio::spawn(Response::read(request)))
    }

    pub(crate) async fn call_number(&self, number: &str) -> Response {
        self.place(json!({ "phoneNumber": number })).await
    }

    /// Requests a call to the number in a task of its own.
    pub(crate) fn start_calling(&self, number: &str) -> PendingCall {
        self.start_placing(&json!({ "phoneNumber": number }))
    }

    /// Requests a call in a task of its own.
    pub(crate) fn start_placing(&self, body: &Value) -> PendingCall {
        PendingCall(tokio::spawn(Response::read(self.call_request(body))))
    }

    pub(crate) async fn read_call(&self, call_id: &str) -> Value {
        let response = self.get_call(call_id).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.body["call"].clone()
    }

    pub(crate) async fn get_call(&self, call_id: &str) -> Response {
        self.get(&format!("/api/calls/{call_id}")).await
    }

    /// Reads the call until it has this status.
    pub(crate) async fn read_call_when(&self, call_id: &str, status: &str) -> Value {
        eventually(&format!("the call {call_id} is {status}"), async || {
            let call = self.get_call(call_id).await.body["call"].take();
            (call["status"] == status).then_some(call)
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(self.http.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(self.http.post(self.url(path)).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(self.http.patch(self.url(path)).json(body)).await
    }

    /// Replaces what has this entity tag.
    pub(crate) async fn put(&self, path: &str, tag: &str, body: &Value) -> Response {
        self.send(self.http.put(self.url(path)).header("if-match", tag).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.send(self.http.delete(self.url(path))).await
    }

    /// Posts with this bearer token in place of the user's.
    pub(crate) async fn post_with_bearer(&self, path: &str, bearer: &str, body: &Value) -> Response {
        let request = self.http.post(self.url(path)).bearer_auth(bearer).json(body);
        Response::read(request).await.expect("the gateway responds")
    }

    /// Gets a path without a token. `None` if the gateway does not respond.
    pub(crate) async fn get_unauthenticated(&self, path: &str) -> Option<Response> {
        Response::read(self.http.get(self.url(path))).await
    }

    /// Registers a webhook endpoint. Returns its id and its secret.
    pub(crate) async fn register_endpoint(&self, url: &str) -> (String, String) {
        let response = self.post("/api/webhook-endpoints", &json!({ "url": url })).await;
        assert_eq!(response.status, 201, "{}", response.body);
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        (text(&response.body["endpoint"]["id"]), text(&response.body["secret"]))
    }

    /// Follows the call events of the user's organization, from now on or after the event with
    /// this id.
    pub(crate) async fn follow_events(&self, last_event_id: Option<&str>) -> EventStream {
        let mut request = self.http.get(self.url("/api/calls/events")).bearer_auth(self.token());
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("the gateway responds");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        EventStream::new(response)
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        Response::read(request.bearer_auth(self.token())).await.expect("the gateway responds")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
