//! A decision on a call, as clients read it.

use domain::ports::{DialRequest, HoldResult};
use domain::{
    AgentReason, CalleeTime, CallerReason, Decision, Mode, PlaceBasis, Preview, RuleGroup, RuleVerdict,
    SettledCall, UsedRule,
};
use event_json::iso8601;
use event_json::schema::{always_true, names};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::client_data;
use crate::failure::{RefusalDocument, refusal_code};

/// Whether a call may be made, and what the answer rests on. Facts for a product, not legal advice.
// Without `Debug`: it is personal data.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsDecision, example = json!({
    "verdict": "allowed",
    "refusals": [],
    "warnings": [{
        "code": "OUTSIDE_CALLING_HOURS",
        "ruleId": "us-fl",
        "source": "Fla. Stat. 501.616(6)",
        "detail": "it is 20:30 on 2026-03-02 for the callee, outside the hours of the rule"
    }],
    "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
    "agent": { "agentId": "64f0a1b2c3d4e5f6a7b8cc00", "why": "default" },
    "callerNumber": { "phoneNumber": "+14165550100", "why": "first" },
    "calleeLocalTime": [{
        "region": "US-FL",
        "basis": "number",
        "timeZone": "America/New_York",
        "localTime": "2026-03-02T20:30"
    }],
    "rulesApplied": [{
        "id": "us-fl",
        "version": 1,
        "source": "Fla. Stat. 501.616(6)",
        "group": "callingHours",
        "mode": "warn",
        "verdict": "refuses",
        "code": "OUTSIDE_CALLING_HOURS"
    }]
}))]
pub(crate) struct DecisionDocument {
    #[schema(schema_with = verdict_schema)]
    verdict: &'static str,
    /// Every reason against the call, in the order of the codes.
    refusals: Vec<RefusalDocument>,
    /// The same of rules that the policy only warns about.
    warnings: Vec<RefusalDocument>,
    /// The contact; absent for a number that has no contact yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    contact_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ChosenAgent, required = false)]
    agent: Option<ChosenAgent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ChosenNumber, required = false)]
    caller_number: Option<ChosenNumber>,
    /// The local time of the callee when the decision was made, in each place and time zone where the
    /// callee may be.
    callee_local_time: Vec<CalleeTimeDocument>,
    /// The rules that were asked.
    rules_applied: Vec<RuleDocument>,
    /// The next time at which all enforced hours, caps and pauses allow the call. Absent if it is
    /// allowed, and if a reason does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    opens_at: Option<String>,
}

/// The agent that speaks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsChosenAgent)]
pub(crate) struct ChosenAgent {
    /// The agent's ID.
    agent_id: String,
    #[schema(schema_with = agent_reason)]
    why: &'static str,
}

/// The number that the call comes from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsChosenNumber)]
pub(crate) struct ChosenNumber {
    /// The number, E.164.
    phone_number: String,
    #[schema(schema_with = caller_reason)]
    why: &'static str,
}

/// The local time of the callee in one place and time zone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsCalleeLocalTime)]
pub(crate) struct CalleeTimeDocument {
    /// The country or state, by its ISO 3166 code, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    region: Option<String>,
    #[schema(schema_with = basis_schema)]
    basis: &'static str,
    /// The time zone, by its name in the tz database.
    time_zone: String,
    /// The date and time there, to the minute: `YYYY-MM-DDTHH:MM`.
    local_time: String,
}

/// A rule that was asked.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsAppliedRule)]
pub(crate) struct RuleDocument {
    /// The rule: one of the calling rules, or one of the organization's own.
    id: String,
    /// The version of its data; of the organization's own rules, the revision of the policy.
    version: u32,
    /// Where it is written.
    source: String,
    #[schema(schema_with = group_schema)]
    group: &'static str,
    #[schema(schema_with = mode_schema)]
    mode: &'static str,
    #[schema(schema_with = rule_verdict)]
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = refusal_code, required = false)]
    code: Option<&'static str>,
}

/// What the request for a call would do now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsOutboundDecisionResponse)]
pub(crate) struct DecisionResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    decision: DecisionDocument,
    dial: DialDocument,
    duplicate: DuplicateDocument,
    /// As in the response to the request for the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 20)]
    ignored_fields: Vec<String>,
}

/// What the voice provider would get.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsDialPreview)]
pub(crate) struct DialDocument {
    /// The voice agent that would speak.
    agent_id: String,
    /// Its ID at the provider.
    provider_agent_id: String,
    /// The caller number, E.164.
    from: String,
    /// The provider's ID of the caller number.
    provider_number_id: String,
    /// The number that would be dialled, E.164.
    to: String,
    /// The callee's name, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    callee_name: Option<String>,
    /// The name of the organization.
    organization_name: String,
    /// The `callReason` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    call_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = client_data::shown_variables_schema, required = false)]
    dynamic_variables: Option<Map<String, Value>>,
    /// How long the phone may ring, in seconds.
    ringing_timeout: u64,
}

/// Whether another call of the same intent would answer the request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsDuplicate)]
pub(crate) struct DuplicateDocument {
    #[schema(schema_with = duplicate_schema)]
    state: &'static str,
    /// The gateway's ID of the settled call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    call_id: Option<String>,
    /// Of a call in flight: seconds, at least 1, after which another request may get another result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false, minimum = 1)]
    retry_after: Option<u64>,
}

/// The body of the response to a dry run, for the command line.
#[must_use]
pub fn decision_json(preview: Preview) -> String {
    let json = serde_json::to_string_pretty(&DecisionResponse::new(preview, Vec::new()));
    json.expect("texts, numbers and lists are JSON") + "\n"
}

/// The name of what holds an intent: `none`, `in-flight` or `settled`.
#[must_use]
pub const fn duplicate_state(held: &HoldResult) -> &'static str {
    match held {
        HoldResult::Granted
        | HoldResult::GrantedAfter { .. }
        | HoldResult::Refused(_)
        | HoldResult::Uncounted(_)
        | HoldResult::TooFast { .. }
        | HoldResult::KeyTaken => "none",
        HoldResult::InFlight { .. } | HoldResult::Undecided { .. } => "in-flight",
        HoldResult::Settled(_) => "settled",
    }
}

impl DecisionResponse {
    pub(crate) fn new(preview: Preview, ignored_fields: Vec<String>) -> Self {
        let Preview { decision, agent_id, from, dial, duplicate } = preview;
        let DialRequest { provider_agent_id, provider_number_id, to, callee_name, organization_name, .. } =
            dial;
        Self {
            success: true,
            decision: DecisionDocument::from(&decision),
            dial: DialDocument {
                agent_id: agent_id.to_string(),
                provider_agent_id: provider_agent_id.to_string(),
                from: from.as_e164().to_owned(),
                provider_number_id: provider_number_id.to_string(),
                to: to.as_e164().to_owned(),
                callee_name: callee_name.map(|name| name.as_str().to_owned()),
                organization_name: organization_name.as_str().to_owned(),
                call_reason: dial.reason.map(|reason| reason.as_str().to_owned()),
                dynamic_variables: client_data::shown(&dial.variables),
                ringing_timeout: dial.ringing_timeout.as_secs(),
            },
            duplicate: DuplicateDocument::from(&duplicate),
            ignored_fields,
        }
    }
}

impl From<&HoldResult> for DuplicateDocument {
    fn from(held: &HoldResult) -> Self {
        let shown = Self { state: duplicate_state(held), call_id: None, retry_after: None };
        match held {
            HoldResult::Granted
            | HoldResult::GrantedAfter { .. }
            | HoldResult::Refused(_)
            | HoldResult::Uncounted(_)
            | HoldResult::TooFast { .. }
            | HoldResult::KeyTaken => shown,
            HoldResult::InFlight { remaining } | HoldResult::Undecided { remaining } => {
                Self { retry_after: Some(remaining.as_secs().max(1)), ..shown }
            }
            HoldResult::Settled(
                SettledCall::Placed(reference) | SettledCall::NotConnected { reference, .. },
            ) => Self { call_id: Some(reference.call_id.to_string()), ..shown },
        }
    }
}

impl From<&Decision> for DecisionDocument {
    fn from(decision: &Decision) -> Self {
        Self {
            verdict: if decision.is_allowed() { "allowed" } else { "refused" },
            refusals: decision.refusals.iter().map(RefusalDocument::from).collect(),
            warnings: decision.warnings.iter().map(RefusalDocument::from).collect(),
            contact_id: decision.contact_id.as_ref().map(ToString::to_string),
            agent: decision
                .agent
                .as_ref()
                .map(|(id, why)| ChosenAgent { agent_id: id.to_string(), why: why.as_str() }),
            caller_number: decision.caller_number.as_ref().map(|(number, why)| ChosenNumber {
                phone_number: number.as_e164().to_owned(),
                why: why.as_str(),
            }),
            callee_local_time: decision.callee_local_time.iter().map(CalleeTimeDocument::from).collect(),
            rules_applied: decision.rules_applied.iter().map(RuleDocument::from).collect(),
            opens_at: decision.opens_at.map(iso8601),
        }
    }
}

impl From<&CalleeTime> for CalleeTimeDocument {
    fn from(time: &CalleeTime) -> Self {
        Self {
            region: time.region.as_ref().map(|region| region.as_str().to_owned()),
            basis: time.basis.as_str(),
            time_zone: time.zone.as_str().to_owned(),
            local_time: format!("{}T{}", time.at.date, time.at.minute),
        }
    }
}

impl From<&UsedRule> for RuleDocument {
    fn from(rule: &UsedRule) -> Self {
        let (verdict, code) = match rule.verdict {
            RuleVerdict::Allows => ("allows", None),
            RuleVerdict::Refuses(code) => ("refuses", Some(code.as_str())),
        };
        Self {
            id: rule.id.0.to_string(),
            version: rule.version,
            source: rule.source.to_string(),
            group: rule.group.as_str(),
            mode: rule.mode.as_str(),
            verdict,
            code,
        }
    }
}

fn verdict_schema() -> Object {
    names(["allowed", "refused"], "Whether the call may be made.")
}

fn rule_verdict() -> Object {
    names(["allows", "refuses"], "What the rule says about the call.")
}

fn agent_reason() -> Object {
    let description = "Why this agent: the request names it, or it is the organization's first agent that can speak \
                       on the phone.";
    names(AgentReason::ALL.map(AgentReason::as_str), description)
}

fn caller_reason() -> Object {
    let description = "Why this number: the request names it; it is the first of the user's numbers that no rule bars; \
                       the callee last answered a call from it; it has the callee's area code; it is of the callee's \
                       state or region.";
    names(CallerReason::ALL.map(CallerReason::as_str), description)
}

fn basis_schema() -> Object {
    let description = "What says that the callee is there: the contact's own place, the number, the number where the \
                       law takes the area code for the place, the default zone of the policy.";
    names(PlaceBasis::ALL.map(PlaceBasis::as_str), description)
}

fn group_schema() -> Object {
    names(RuleGroup::ALL.map(RuleGroup::as_str), "The group of rules, which has a mode in the policy.")
}

fn mode_schema() -> Object {
    names([Mode::Enforce, Mode::Warn].map(Mode::as_str), "What the policy does with the group.")
}

fn duplicate_schema() -> Object {
    let description = "`in-flight`: the request would get 429. `settled`: it would get the result of the earlier call. \
                       `none`: it would place a call.";
    names(["none", "in-flight", "settled"], description)
}
