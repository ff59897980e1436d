//! A simulator and a client for it.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use simulator::{
    Behaviour, DEMO_AGENT_ID, DEMO_PHONE_NUMBER_ID, MAGIC_NUMBERS, ScriptedBehaviour, Settings, Simulator,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const SIP_TRUNK: &str = "/v1/convai/sip-trunk/outbound-call";
pub(crate) const CALLEE: &str = "+14165550199";

pub(crate) struct Sandbox {
    pub(crate) simulator: Simulator,
    pub(crate) http: Client,
}

impl Sandbox {
    /// Built-in delays are 1000 times as short.
    pub(crate) async fn start() -> Sandbox {
        Sandbox::with(Settings { time_scale: 0.001, ..Settings::default() }).await
    }

    /// Agents and phone numbers may have any id.
    pub(crate) async fn start_with_any_id() -> Sandbox {
        Sandbox::with(Settings { time_scale: 0.001, ..Settings::with_any_id() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Sandbox {
        let simulator = Simulator::start(settings).await.expect("a free port");
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a client");
        Sandbox { simulator, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    /// With the keys of both providers.
    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("xi-api-key", "key").bearer_auth("key")
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.authorized(self.http.get(self.url(path))).send().await.expect("a response")
    }

    pub(crate) async fn get_json(&self, path: &str) -> Value {
        json_of(self.get(path).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.try_post(path, body).await.expect("a response")
    }

    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Response> {
        self.authorized(self.http.post(self.url(path))).json(body).send().await
    }

    pub(crate) async fn delete(&self, path: &str) {
        let response = self.http.delete(self.url(path)).send().await.expect("a response");
        assert_eq!(response.status(), 204);
    }

    pub(crate) async fn dial(&self, number: &str) -> Response {
        self.post(SIP_TRUNK, &call_to(number)).await
    }

    pub(crate) async fn dial_json(&self, number: &str) -> Value {
        let response = self.dial(number).await;
        assert_eq!(response.status(), 200);
        json_of(response).await
    }

    /// Dials once with `behaviour`.
    pub(crate) async fn dial_with(&self, behaviour: Behaviour) -> Response {
        self.simulator.script(ScriptedBehaviour::new(behaviour).times(1));
        self.dial(CALLEE).await
    }

    /// Dials over a plain socket. Returns the bytes received and how the connection ended.
    pub(crate) async fn dial_over_socket(&self, number: &str) -> (Vec<u8>, std::io::Result<()>) {
        let mut socket = TcpStream::connect(self.simulator.address()).await.expect("a connection");
        let body = call_to(number).to_string();
        let request = format!(
            "POST {SIP_TRUNK} HTTP/1.1\r\nhost: sandbox\r\nxi-api-key: key\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.expect("the request is written");
        let mut received = Vec::new();
        let ended = socket.read_to_end(&mut received).await.map(|_| ());
        (received, ended)
    }

    /// The conversations with this user id.
    pub(crate) async fn conversations_of(&self, user_id: &str) -> Vec<Value> {
        let list = self.get_json(&format!("/v1/convai/conversations?user_id={user_id}")).await;
        list["conversations"].as_array().expect("a list").clone()
    }

    pub(crate) async fn conversation_at(&self, id: &str, status: &str) -> Value {
        self.record_at(&format!("/v1/convai/conversations/{id}"), status).await
    }

    /// Waits until the record of a call has this status, and returns it.
    pub(crate) async fn record_at(&self, path: &str, status: &str) -> Value {
        for _ in 0..2_000 {
            let record = self.get_json(path).await;
            if record["status"] == status {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{path} never had the status {status}");
    }
}

pub(crate) fn call_to(number: &str) -> Value {
    json!({
        "agent_id": DEMO_AGENT_ID,
        "agent_phone_number_id": DEMO_PHONE_NUMBER_ID,
        "to_number": number,
        "conversation_initiation_client_data": {
            "user_id": "call-1",
            "dynamic_variables": { "org_name": "Acme", "call_reason": "" },
        },
        "telephony_call_config": { "ringing_timeout_secs": 60 },
    })
}

pub(crate) async fn json_of(response: Response) -> Value {
    response.json().await.expect("JSON")
}

pub(crate) fn magic(name: &str) -> &'static str {
    MAGIC_NUMBERS.iter().find(|magic| magic.name == name).expect("a documented name").number
}
