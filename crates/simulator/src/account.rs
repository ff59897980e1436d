//! The accounts of the operator at the vendors: what is listed, and how the vendors fail.

use actix_web::HttpResponse;
use serde_json::json;

use crate::elevenlabs::demo::{
    AGENT_IDS, DEMO_CALLER_NUMBER, INBOUND_NUMBER, PHONE_NUMBER_IDS, agent_name, number_label,
};
use crate::responses::respond;

/// The host of the demo's trunk.
pub(crate) const DEMO_TRUNK_HOST: &str = "trunk.sandbox.invalid";
/// The carrier's id of the demo's trunk.
pub const DEMO_TRUNK_ID: &str = "01DEM00TRUNK0SANDB0X000001";

/// What the accounts at ElevenLabs and at Sinch have. The default is the demo.
#[derive(Debug, Clone)]
pub struct Account {
    /// The agents of the workspace: their ids and names.
    pub agents: Vec<(String, String)>,
    /// The phone numbers of the workspace.
    pub numbers: Vec<AccountNumber>,
    /// The host of the trunk.
    pub trunk_host: String,
    /// How many calls may start on the trunk in a second.
    pub calls_per_second: u32,
    /// The numbers of the carrier, and whether they are on the trunk [`DEMO_TRUNK_ID`] or on another.
    pub carrier_numbers: Vec<(String, bool)>,
}

/// A phone number of the workspace.
#[derive(Debug, Clone)]
pub struct AccountNumber {
    /// The provider's id.
    pub id: String,
    /// E.164.
    pub phone_number: String,
    /// The host of its trunk for outbound calls, if it has one.
    pub trunk_host: Option<String>,
    /// The agent that answers calls to it.
    pub agent_id: Option<String>,
    /// The user name and the password with which calls are sent to its trunk.
    pub trunk_login: Option<(String, String)>,
}

/// How the vendors fail when their accounts are read. Dials are not concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFault {
    /// The key is not accepted; the response quotes it.
    KeyRefused,
    /// The key has no permission.
    Forbidden,
    /// There is no such trunk or workspace.
    NotFound,
    /// Too many requests.
    RateLimited,
    /// A 500 that quotes the key.
    ServerError,
    /// The page of a proxy, with status 200.
    ForeignPage,
    /// The second page of each list is a 500.
    SecondPageFails,
    /// Each page of a list is the first one.
    FirstPageRepeats,
    /// Lists ignore their filters.
    FilterIgnored,
    /// The carrier refuses this many requests for a token with 429.
    TokensLimited(u32),
    /// Phone numbers of the workspace are changed, and the response is a 500.
    ChangesUnclear,
}

impl Default for Account {
    fn default() -> Account {
        let number = |id: &str| {
            let is_outbound = number_label(id) != "Inbound only";
            AccountNumber {
                id: id.to_owned(),
                phone_number: if is_outbound { DEMO_CALLER_NUMBER } else { INBOUND_NUMBER }.to_owned(),
                trunk_host: is_outbound.then(|| DEMO_TRUNK_HOST.to_owned()),
                agent_id: None,
                trunk_login: None,
            }
        };
        Account {
            agents: AGENT_IDS.map(|id| (id.to_owned(), agent_name(id).to_owned())).to_vec(),
            numbers: PHONE_NUMBER_IDS.map(number).to_vec(),
            trunk_host: DEMO_TRUNK_HOST.to_owned(),
            calls_per_second: 1,
            carrier_numbers: vec![(DEMO_CALLER_NUMBER.to_owned(), true)],
        }
    }
}

/// The accounts with what changes while the simulator runs.
#[derive(Default)]
pub(crate) struct Accounts {
    pub(crate) account: Account,
    pub(crate) fault: Option<AccountFault>,
    pub(crate) webhooks: Vec<RegisteredWebhook>,
    /// The id of the webhook that receives the events of calls.
    pub(crate) active_webhook: Option<String>,
    /// The carrier's tokens that are valid.
    pub(crate) tokens: Vec<String>,
}

pub(crate) struct RegisteredWebhook {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) condition: WebhookCondition,
    pub(crate) retries: bool,
}

/// What the workspace shows of the webhook that receives the events of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookCondition {
    /// Whether it is disabled.
    pub is_disabled: bool,
    /// How requests are authenticated: `hmac` for a signature.
    pub auth_type: &'static str,
    /// The HTTP status of the last delivery that failed, if there was a response, and its time in Unix
    /// seconds.
    pub last_failure: Option<(Option<u16>, i64)>,
}

impl Default for WebhookCondition {
    fn default() -> WebhookCondition {
        WebhookCondition { is_disabled: false, auth_type: "hmac", last_failure: None }
    }
}

impl Accounts {
    /// The faulty response to a request for a page, counted from 0.
    pub(crate) fn failure(&self, page: u64, given_key: &str) -> Option<HttpResponse> {
        let status = match self.fault? {
            AccountFault::KeyRefused => 401,
            AccountFault::Forbidden => 403,
            AccountFault::NotFound => 404,
            AccountFault::RateLimited => 429,
            AccountFault::ServerError => 500,
            AccountFault::SecondPageFails if page > 0 => 500,
            AccountFault::ForeignPage => {
                let page = "<html><body>Welcome</body></html>";
                return Some(respond(200).content_type("text/html").body(page));
            }
            AccountFault::SecondPageFails
            | AccountFault::FirstPageRepeats
            | AccountFault::FilterIgnored
            | AccountFault::TokensLimited(_)
            | AccountFault::ChangesUnclear => return None,
        };
        let code = match status {
            404 => "workspace_not_found",
            429 => "rate_limit_exceeded",
            _ => "forbidden",
        };
        let message = format!("refused: {given_key}");
        Some(respond(status).json(json!({
            "detail": { "code": code, "status": code, "message": message },
            "title": code,
        })))
    }

    /// The page to respond with, counted from 0.
    pub(crate) fn page(&self, requested: u64) -> u64 {
        if self.fault == Some(AccountFault::FirstPageRepeats) { 0 } else { requested }
    }
}
