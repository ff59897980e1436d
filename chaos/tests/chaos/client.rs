//! One HTTP client of the gateways.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::history::{Kind, Reply, Request};
use super::intents::User;

/// The HS256 secret of every gateway of a run.
pub(crate) const JWT_SECRET: &str = "a secret for tests that is long enough for HS256";

const OUTBOUND_CALLS: &str = "/api/calls/ai/outbound";

/// A request ends after this time. Longer than the longest dial.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    tokens: [String; 3],
    /// Signed with another key.
    forged: String,
}

impl Client {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let http =
            reqwest::Client::builder().no_proxy().timeout(TIMEOUT).pool_max_idle_per_host(0).build()?;
        let forged = token(User::First, "another secret that is long enough for HS256");
        Ok(Self { http, tokens: User::ALL.map(|user| token(user, JWT_SECRET)), forged })
    }

    /// Every token that the client sends.
    pub(crate) fn all_tokens(&self) -> Vec<String> {
        self.tokens.iter().chain([&self.forged]).cloned().collect()
    }

    fn token(&self, user: User) -> &str {
        let index = User::ALL.iter().position(|other| *other == user).expect("every user has a token");
        &self.tokens[index]
    }

    /// Sends the request for a call.
    pub(crate) async fn place(&self, gateway: SocketAddr, request: &Request) -> Reply {
        let user = request.intent.user;
        let body = match request.kind {
            Kind::Call | Kind::BadToken => {
                json!({ "phoneNumber": request.intent.number(), "callReason": request.reason() })
            }
            Kind::BadBody => json!({ "callReason": request.reason() }),
            Kind::ForeignContact => {
                json!({ "contactId": request.intent.foreign_contact(), "callReason": request.reason() })
            }
        };
        let token = if request.kind == Kind::BadToken { &self.forged } else { self.token(user) };
        let url = format!("http://{gateway}{OUTBOUND_CALLS}");
        read(self.http.post(url).bearer_auth(token).json(&body)).await
    }

    pub(crate) async fn get(&self, gateway: SocketAddr, user: User, path: &str) -> Reply {
        read(self.http.get(format!("http://{gateway}{path}")).bearer_auth(self.token(user))).await
    }

    pub(crate) async fn post(&self, gateway: SocketAddr, user: User, path: &str, body: &Value) -> Reply {
        let request = self.http.post(format!("http://{gateway}{path}")).bearer_auth(self.token(user));
        read(request.json(body)).await
    }

    /// Opens the stream of the user's organization after this event.
    pub(crate) async fn stream(
        &self,
        gateway: SocketAddr,
        user: User,
        after: u64,
    ) -> reqwest::Result<reqwest::Response> {
        let url = format!("http://{gateway}/api/calls/events");
        let request = self.http.get(url).bearer_auth(self.token(user)).timeout(Duration::from_secs(3600));
        request.header("last-event-id", after).send().await?.error_for_status()
    }
}

async fn read(request: reqwest::RequestBuilder) -> Reply {
    let Ok(response) = request.send().await else { return Reply::Broken };
    let status = response.status().as_u16();
    match response.text().await {
        Ok(body) => Reply::Response { status, body: serde_json::from_str(&body).ok() },
        Err(_) => Reply::Broken,
    }
}

/// A token that is valid for a day.
fn token(user: User, secret: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = json!({ "sub": user.id(), "exp": now + 86_400 });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("HS256 signs any claims")
}
