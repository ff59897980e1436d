use domain::ports::DirectoryPage;
use domain::{Agent, AgentId, CallerNumber, Contact, HistoryFilter};
use event_json::schema::always_true;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::CallContact;
use super::history::shown;
use super::parameters::{Problems, number};
use super::{cursor, parameters};
use crate::failure::InvalidRequest;

/// The parameters of a list of records.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DirectoryParameters {
    /// The largest number of records in the page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `nextCursor` of the previous page: only the records after those of that page.
    #[param(value_type = String, required = false, max_length = 200)]
    after: Option<String>,
}

/// A page of voice agents, by ID.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = DirectoryAgentsResponse,
    example = json!({
        "success": true,
        "agents": [{
            "_id": "64f0a1b2c3d4e5f6a7b8cc00",
            "name": "Insurance desk",
            "voiceEnabled": true,
            "providerAgentId": "agent_01"
        }],
        "total": 1
    })
)]
pub(crate) struct AgentsResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    agents: Vec<AgentDocument>,
    /// The number of agents in all pages, exact up to 10000.
    total: u32,
    /// `true` if there are more agents than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_lower_bound: bool,
    /// The value of `after` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// A page of the numbers that calls are placed from, in the order of their digits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = DirectoryNumbersResponse,
    example = json!({
        "success": true,
        "numbers": [{
            "phoneNumber": "+14165550100",
            "userId": "64f0a1b2c3d4e5f6a7b8aa00",
            "carrier": "sinch",
            "aiEnabled": true,
            "onTrunk": true,
            "providerNumberId": "phnum_01"
        }],
        "total": 1
    })
)]
pub(crate) struct NumbersResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    numbers: Vec<NumberDocument>,
    /// The number of numbers in all pages, exact up to 10000.
    total: u32,
    /// `true` if there are more numbers than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_lower_bound: bool,
    /// The value of `after` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// A page of contacts, by ID.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = DirectoryContactsResponse,
    example = json!({
        "success": true,
        "contacts": [{
            "_id": "64f0a1b2c3d4e5f6a7b8c9d0",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "phoneNumber": "+14165550110"
        }],
        "total": 214,
        "nextCursor": "NjRmMGExYjJjM2Q0ZTVmNmE3YjhjOWQw"
    })
)]
pub(crate) struct ContactsResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    contacts: Vec<CallContact>,
    /// The number of contacts in all pages, exact up to 10000.
    total: u32,
    /// `true` if there are more contacts than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_lower_bound: bool,
    /// The value of `after` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// A voice agent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DirectoryAgent)]
pub(crate) struct AgentDocument {
    /// The agent's ID: the `agentId` of a request.
    #[serde(rename = "_id")]
    id: String,
    /// The agent's name.
    name: String,
    /// Whether the agent may speak on the phone.
    voice_enabled: bool,
    /// The voice provider's ID of the agent; absent until the agent is synced with the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    provider_agent_id: Option<String>,
}

/// A number that a user may call from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DirectoryNumber)]
pub(crate) struct NumberDocument {
    /// The number, E.164: the `fromNumber` of a request of its user.
    phone_number: String,
    /// The user who may call from it.
    user_id: String,
    /// The company that carries its calls.
    carrier: String,
    /// Whether AI calls may be placed from it.
    ai_enabled: bool,
    /// Whether it is connected to the voice provider.
    on_trunk: bool,
    /// The voice provider's ID of the number; absent until the number is imported there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    provider_number_id: Option<String>,
}

/// The parameter of the list of agents that a call can be transferred to.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct TransferableParameters {
    /// The ID of an agent that is left out: the one that transfers the call. A text that is the ID of no
    /// agent is ignored.
    #[param(value_type = String, required = false, max_length = 128)]
    exclude_prompt_id: Option<String>,
}

/// The agents that a call can be transferred to.
#[derive(Serialize, ToSchema)]
#[schema(
    as = CallsTransferableAgentsResponse,
    example = json!({ "agents": [{ "id": "64f0a1b2c3d4e5f6a7b8cc00", "name": "Front desk" }] })
)]
pub(crate) struct TransferableAgentsResponse {
    agents: Vec<TransferableAgent>,
}

/// An agent that a call can be transferred to.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsTransferableAgent)]
struct TransferableAgent {
    /// The agent's ID.
    id: String,
    /// The agent's name.
    name: String,
}

impl TransferableParameters {
    /// Parses a query string: the agent that is left out.
    pub(crate) fn parse(query: &str) -> Result<Option<AgentId>, InvalidRequest> {
        let Self { exclude_prompt_id } = parameters::read(query)?;
        Ok(exclude_prompt_id.and_then(|id| AgentId::parse(&id).ok()))
    }
}

impl TransferableAgentsResponse {
    pub(crate) fn new(agents: Vec<Agent>) -> Self {
        let agent = |agent: Agent| TransferableAgent {
            id: agent.id.to_string(),
            name: agent.name.as_str().to_owned(),
        };
        Self { agents: agents.into_iter().map(agent).collect() }
    }
}

/// The page that a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageOf<K> {
    pub(crate) after: Option<K>,
    pub(crate) limit: u32,
}

impl DirectoryParameters {
    /// Parses a query string. Empty parameters count as absent, unknown ones are refused.
    pub(crate) fn parse<K>(
        query: &str,
        read: impl FnOnce(&str) -> Option<K>,
    ) -> Result<PageOf<K>, InvalidRequest> {
        let Self { limit, after } = parameters::read(query)?;
        let mut problems = Problems::default();
        let page = PageOf {
            after: problems.read("after", after, "must be the nextCursor of a page", |text| {
                cursor::read_key(text).and_then(|key| read(&key))
            }),
            limit: problems
                .read("limit", limit, "must be a whole number from 1 to 200", |text| {
                    number(text).filter(|limit| (1..=HistoryFilter::MAX_LIMIT).contains(limit))
                })
                .unwrap_or(HistoryFilter::DEFAULT_LIMIT),
        };
        problems.none_or(page)
    }
}

impl AgentsResponse {
    /// The response with a page of at most `limit` agents.
    pub(crate) fn new(page: DirectoryPage<Agent>, limit: u32) -> Self {
        let next_cursor = next_cursor(&page, limit, |agent| agent.id.as_str());
        let (total, total_is_lower_bound) = shown(page.total);
        let agents = page.records.into_iter().map(AgentDocument::from).collect();
        Self { success: true, agents, total, total_is_lower_bound, next_cursor }
    }
}

impl NumbersResponse {
    /// The response with a page of at most `limit` numbers.
    pub(crate) fn new(page: DirectoryPage<CallerNumber>, limit: u32) -> Self {
        let next_cursor = next_cursor(&page, limit, |number| number.phone_number.as_e164());
        let (total, total_is_lower_bound) = shown(page.total);
        let numbers = page.records.into_iter().map(NumberDocument::from).collect();
        Self { success: true, numbers, total, total_is_lower_bound, next_cursor }
    }
}

impl ContactsResponse {
    /// The response with a page of at most `limit` contacts.
    pub(crate) fn new(page: DirectoryPage<Contact>, limit: u32) -> Self {
        let next_cursor = next_cursor(&page, limit, |contact| contact.id.as_str());
        let (total, total_is_lower_bound) = shown(page.total);
        let contacts = page.records.into_iter().map(CallContact::from).collect();
        Self { success: true, contacts, total, total_is_lower_bound, next_cursor }
    }
}

fn next_cursor<T>(page: &DirectoryPage<T>, limit: u32, key: impl Fn(&T) -> &str) -> Option<String> {
    let is_full = u32::try_from(page.records.len()).is_ok_and(|records| records >= limit);
    page.records.last().filter(|_| is_full).map(|last| cursor::after_key(key(last)))
}

impl From<Agent> for AgentDocument {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id.to_string(),
            name: agent.name.as_str().to_owned(),
            voice_enabled: agent.voice_enabled,
            provider_agent_id: agent.provider_agent_id.map(|id| id.to_string()),
        }
    }
}

impl From<CallerNumber> for NumberDocument {
    fn from(number: CallerNumber) -> Self {
        Self {
            phone_number: number.phone_number.as_e164().to_owned(),
            user_id: number.user_id.to_string(),
            carrier: number.carrier.as_str().to_owned(),
            ai_enabled: number.ai_enabled,
            on_trunk: number.on_trunk,
            provider_number_id: number.provider_number_id.map(|id| id.to_string()),
        }
    }
}
