//! The result as a table and as JSON.

use std::fmt::Write as _;

use domain::{
    NumberChange, NumberRecord, ProviderAgentId, ProviderNumberId, SyncFinding, SyncPlan, SyncSubject,
};
use serde_json::{Value, json};

use super::webhook::Registration;

/// What a sync has done or would do.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) plan: SyncPlan,
    /// Whether the trunk was read.
    pub(super) has_trunk: bool,
    pub(super) is_stored: bool,
    pub(super) webhook: Option<Registration>,
}

const HEAD: [&str; 4] = ["CHANGE", "ORGANIZATION", "OF", "TO"];
const NO_TRUNK: &str =
    "The trunk was not read, because OUTDIAL_SINCH_* are not set: which numbers are on it stays as it is.\n";

impl Outcome {
    pub(super) fn to_text(&self) -> String {
        let mut text = table(&rows(&self.plan));
        if !self.has_trunk {
            text.push_str(NO_TRUNK);
        }
        if !self.plan.findings.is_empty() {
            text.push_str("To do by hand:\n");
        }
        for finding in &self.plan.findings {
            let SyncFinding { subject, problem } = finding;
            let (message, remedy) = (problem.message(), problem.remedy());
            writeln!(text, "  {}: {message}\n    {remedy}", name(subject)).expect(WRITES);
        }
        let count = count(&self.plan);
        let summary = match (self.plan.is_empty(), self.is_stored) {
            (true, _) => "nothing to change\n".to_owned(),
            (false, true) => format!("stored {count} changes\n"),
            (false, false) => format!("{count} changes; nothing was stored\n"),
        };
        text.push_str(&summary);
        match &self.webhook {
            Some(Registration::Created { secret_file }) => writeln!(
                text,
                "registered the webhook; its secret is in {secret_file}. Set \
                 OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS_FILE={secret_file} and restart the gateway"
            )
            .expect(WRITES),
            Some(Registration::Active) => text.push_str("the webhook is registered and receives events\n"),
            Some(Registration::WouldBeCreated) => text.push_str("the webhook would be registered\n"),
            Some(Registration::WouldBeActivated) => {
                text.push_str("the webhook is registered, and would be made the one that receives events\n");
            }
            None => {}
        }
        text
    }

    pub(super) fn to_json(&self) -> String {
        let plan = &self.plan;
        let findings = plan.findings.iter().map(|finding| {
            let mut shown = subject_json(&finding.subject);
            shown["code"] = json!(finding.problem.code());
            shown["message"] = json!(finding.problem.message());
            shown["remedy"] = json!(finding.problem.remedy());
            shown
        });
        let webhook = self.webhook.as_ref().map(|registration| match registration {
            Registration::Created { secret_file } => {
                json!({ "result": "created", "secretFile": secret_file })
            }
            Registration::Active => json!({ "result": "active" }),
            Registration::WouldBeCreated => json!({ "result": "would-be-created" }),
            Registration::WouldBeActivated => json!({ "result": "would-be-activated" }),
        });
        let whole = json!({
            "stored": self.is_stored,
            "trunkRead": self.has_trunk,
            "changes": changes_json(plan),
            "findings": findings.collect::<Vec<_>>(),
            "webhook": webhook,
        });
        format!("{whole:#}\n")
    }
}

const WRITES: &str = "writing to a string does not fail";

fn count(plan: &SyncPlan) -> usize {
    plan.number_changes.len()
        + plan.agent_changes.len()
        + plan.imported_agents.len()
        + plan.imported_numbers.len()
        + usize::from(plan.trunk_change.is_some())
}

/// Empty without rows.
fn table(rows: &[[String; 4]]) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let head = HEAD.map(str::to_owned);
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let [first, second, third] = [width(0), width(1), width(2)];
    for [change, organization, of, to] in all() {
        writeln!(text, "{change:first$}  {organization:second$}  {of:third$}  {to}").expect(WRITES);
    }
    text
}

fn rows(plan: &SyncPlan) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    if let Some(trunk) = &plan.trunk_change {
        let before = trunk.before.map(|limit| format!(" (was {limit})")).unwrap_or_default();
        let to = format!("{} calls per second{before}", trunk.calls_per_second);
        rows.push(["set limit".to_owned(), "-".to_owned(), format!("trunk {}", trunk.id), to]);
    }
    for agent in &plan.agent_changes {
        let before = &agent.before;
        let of = format!("agent {} ({})", before.id, before.name.as_str());
        let to = agent.provider_agent_id.to_string();
        rows.push(["link".to_owned(), before.organization_id.to_string(), of, to]);
    }
    for agent in &plan.imported_agents {
        let of = format!("agent {} ({})", agent.id, agent.name.as_str());
        let to = "may speak on the phone".to_owned();
        rows.push(["import".to_owned(), agent.organization_id.to_string(), of, to]);
    }
    for NumberRecord { number, .. } in &plan.imported_numbers {
        let to = format!("of user {}, on the trunk, for AI calls", number.user_id);
        let of = number.phone_number.as_e164().to_owned();
        rows.push(["import".to_owned(), number.organization_id.to_string(), of, to]);
    }
    for number in &plan.number_changes {
        let organization = number.before.organization_id.to_string();
        let of = number.before.phone_number.as_e164().to_owned();
        rows.push(["update".to_owned(), organization, of, differences(number)]);
    }
    rows
}

fn differences(change: &NumberChange) -> String {
    let mut differences = Vec::new();
    if change.on_trunk != change.before.on_trunk {
        differences.push(if change.on_trunk { "on the trunk" } else { "NOT on the trunk" }.to_owned());
    }
    match (&change.provider_number_id, &change.before.provider_number_id) {
        (Some(id), before) if before.as_ref() != Some(id) => differences.push(id.to_string()),
        (None, Some(_)) => differences.push("NOT in the workspace".to_owned()),
        _ => {}
    }
    differences.join(", ")
}

fn name(subject: &SyncSubject) -> String {
    match subject {
        SyncSubject::Number { organization_id: Some(organization), phone_number } => {
            format!("{} (organization {organization})", phone_number.as_e164())
        }
        SyncSubject::Number { organization_id: None, phone_number } => phone_number.as_e164().to_owned(),
        SyncSubject::Agent { organization_id, id, name } => {
            format!("agent {id} ({}, organization {organization_id})", name.as_str())
        }
        SyncSubject::UnknownAgent { id, name } => {
            let name = name.as_ref().map(|name| format!(" ({})", name.as_str())).unwrap_or_default();
            format!("agent {id}{name}")
        }
    }
}

fn subject_json(subject: &SyncSubject) -> Value {
    match subject {
        SyncSubject::Number { organization_id, phone_number } => json!({
            "kind": "number",
            "organizationId": organization_id.as_ref().map(|id| id.as_str()),
            "phoneNumber": phone_number.as_e164(),
        }),
        SyncSubject::Agent { organization_id, id, name } => json!({
            "kind": "agent", "organizationId": organization_id.as_str(), "agentId": id.as_str(), "name": name.as_str(),
        }),
        SyncSubject::UnknownAgent { id, name } => json!({
            "kind": "agent", "providerAgentId": id.as_str(), "name": name.as_ref().map(|name| name.as_str()),
        }),
    }
}

fn changes_json(plan: &SyncPlan) -> Value {
    let agent_id = |id: Option<&ProviderAgentId>| id.map(|id| id.as_str().to_owned());
    let number_id = |id: Option<&ProviderNumberId>| id.map(|id| id.as_str().to_owned());
    let trunk = plan.trunk_change.as_ref().map(|trunk| {
        json!({ "action": "set-limit", "kind": "trunk", "trunkId": trunk.id.as_str(),
            "callsPerSecond": trunk.calls_per_second, "before": trunk.before })
    });
    let agents = plan.agent_changes.iter().map(|agent| {
        json!({ "action": "link", "kind": "agent", "organizationId": agent.before.organization_id.as_str(),
            "agentId": agent.before.id.as_str(), "providerAgentId": agent.provider_agent_id.as_str() })
    });
    let imported_agents = plan.imported_agents.iter().map(|agent| {
        json!({
            "action": "import", "kind": "agent", "organizationId": agent.organization_id.as_str(),
            "agentId": agent.id.as_str(), "name": agent.name.as_str(),
            "providerAgentId": agent_id(agent.provider_agent_id.as_ref()),
        })
    });
    let imported_numbers = plan.imported_numbers.iter().map(|NumberRecord { number, .. }| {
        json!({
            "action": "import", "kind": "number", "organizationId": number.organization_id.as_str(),
            "userId": number.user_id.as_str(), "phoneNumber": number.phone_number.as_e164(),
            "providerNumberId": number_id(number.provider_number_id.as_ref()), "onTrunk": number.on_trunk,
        })
    });
    let numbers = plan.number_changes.iter().map(|change| {
        let before = &change.before;
        json!({
            "action": "update", "kind": "number", "organizationId": before.organization_id.as_str(),
            "phoneNumber": before.phone_number.as_e164(), "onTrunk": change.on_trunk,
            "providerNumberId": number_id(change.provider_number_id.as_ref()),
            "before": { "onTrunk": before.on_trunk,
                "providerNumberId": number_id(before.provider_number_id.as_ref()) },
        })
    });
    Value::Array(
        trunk
            .into_iter()
            .chain(agents)
            .chain(imported_agents)
            .chain(imported_numbers)
            .chain(numbers)
            .collect(),
    )
}
