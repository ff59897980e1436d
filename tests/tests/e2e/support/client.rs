use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::event_stream::EventStream;
use super::world::SECRET;

/// A REST client of one gateway: one method for each thing that a user does.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    base_url: String,
    user: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_placed_anew(&self) -> bool {
        self.status == 200 && self.body["deduplicated"] == false
    }

    pub(crate) fn is_duplicate(&self) -> bool {
        self.status == 200 && self.body["deduplicated"] == true
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.status == 429 && self.code() == "OUTBOUND_IN_FLIGHT"
    }

    /// The integer that `Retry-After` says.
    pub(crate) fn retry_after(&self) -> u64 {
        let text = self.headers.get("retry-after").expect("a Retry-After header").to_str().expect("ASCII");
        text.parse().expect("an integer")
    }

    pub(crate) fn assert(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.body);
        assert_eq!(self.body["success"], false, "{}", self.body);
        assert!(!self.body["error"].is_null(), "{}", self.body);
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, user: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client without special wishes");
        Self { http, address, base_url: format!("http://{address}"), user: user.to_owned() }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn of_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self.clone() }
    }

    pub(crate) fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let claims = json!({ "sub": self.user, "exp": now + 3600 });
        jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
            .expect("signed")
    }

    pub(crate) fn request(&self, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/api/calls/ai/outbound", self.base_url);
        self.http.post(url).bearer_auth(self.token()).json(body)
    }

    pub(crate) async fn place(&self, body: Value) -> Answer {
        self.try_place(body).await.expect("an answer")
    }

    pub(crate) async fn call_number(&self, number: &str) -> Answer {
        self.place(json!({ "phoneNumber": number })).await
    }

    /// Nothing where the connection broke.
    pub(crate) async fn try_place(&self, body: Value) -> Option<Answer> {
        answer(self.request(&body).send().await.ok()?).await
    }

    /// A call, as the books have it.
    pub(crate) async fn read(&self, call_id: &str) -> Answer {
        self.get_as_user(&format!("/api/calls/{call_id}")).await
    }

    /// Reads a call until it stands so, for a quarter of a minute at most.
    pub(crate) async fn read_until(&self, call_id: &str, status: &str) -> Value {
        for _ in 0..150 {
            let answer = self.read(call_id).await;
            if answer.body["call"]["status"] == status {
                return answer.body["call"].clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never is {status}: {}", self.read(call_id).await.body);
    }

    pub(crate) async fn get_as_user(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.base_url);
        answer(self.http.get(url).bearer_auth(self.token()).send().await.expect("an answer"))
            .await
            .expect("a body")
    }

    pub(crate) async fn post_as_user(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base_url)).bearer_auth(self.token()).json(body);
        answer(request.send().await.expect("an answer")).await.expect("a body")
    }

    pub(crate) async fn delete_as_user(&self, path: &str) -> Answer {
        let request = self.http.delete(format!("{}{path}", self.base_url)).bearer_auth(self.token());
        answer(request.send().await.expect("an answer")).await.expect("a body")
    }

    /// What the voice provider posts, with this bearer token.
    pub(crate) async fn post_with_bearer(&self, path: &str, bearer: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base_url)).bearer_auth(bearer).json(body);
        answer(request.send().await.expect("an answer")).await.expect("a body")
    }

    /// Has events sent to this URL; the endpoint's id and its secret.
    pub(crate) async fn register(&self, url: &str) -> (String, String) {
        let answer = self.post_as_user("/api/webhook-endpoints", &json!({ "url": url })).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&answer.body["endpoint"]["id"]), text(&answer.body["secret"]))
    }

    /// Follows the calls of the user's organization, from now on or behind an event.
    pub(crate) async fn follow(&self, last_event_id: Option<&str>) -> EventStream {
        let mut request =
            self.http.get(format!("{}/api/calls/events", self.base_url)).bearer_auth(self.token());
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        EventStream::new(response)
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        answer(self.http.get(format!("{}{path}", self.base_url)).send().await.ok()?).await
    }
}

async fn answer(response: reqwest::Response) -> Option<Answer> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = serde_json::from_str(&response.text().await.ok()?).unwrap_or(Value::Null);
    Some(Answer { status, headers, body })
}
