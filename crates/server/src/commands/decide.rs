use std::fmt::Write as _;

use anyhow::Context as _;
use domain::{Decision, PlaceCall, PlaceCallCommand, Preview, RawPlaceCall, Refusal, RuleVerdict, UserId};
use tokio::sync::Notify;

use super::{print, run};
use crate::config::Settings;
use crate::wiring::{Stores, VoiceParts};
use crate::{demo, telemetry};

/// The call that `outdial decide` decides on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DecideOptions {
    /// The id of the user who asks for the call.
    #[arg(long)]
    user: String,
    /// The number to call.
    #[arg(long, required_unless_present = "contact")]
    to: Option<String>,
    /// The id of the contact to call.
    #[arg(long)]
    contact: Option<String>,
    /// The id of the agent. The default is the organization's first agent that can speak on the phone.
    #[arg(long)]
    agent: Option<String>,
    /// The caller number. The default is picked by the organization's policy.
    #[arg(long)]
    from: Option<String>,
    /// What the call is for: telemarketing, informational, debt, healthcare or emergency.
    #[arg(long)]
    purpose: Option<String>,
    /// What the call is about.
    #[arg(long)]
    subject: Option<String>,
    /// Print the JSON of `POST /api/calls/ai/outbound/decision`.
    #[arg(long)]
    json: bool,
}

/// Prints whether the call may be made now, and why. Places no call.
pub(crate) fn decide(settings: Settings, options: &DecideOptions) -> anyhow::Result<()> {
    telemetry::start(&settings);
    let user = UserId::parse(&options.user).context("--user")?;
    let raw = RawPlaceCall {
        contact_id: options.contact.as_deref(),
        phone_number: options.to.as_deref(),
        agent_id: options.agent.as_deref(),
        from_number: options.from.as_deref(),
        purpose: options.purpose.as_deref(),
        subject: options.subject.as_deref(),
        ..RawPlaceCall::default()
    };
    let command = PlaceCallCommand::parse(user, &raw)?;
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check_schema().await?;
        let voice = VoiceParts::of(&settings).await?;
        let ports = stores.ports(voice.provider, &std::sync::Arc::new(Notify::new()));
        let place_call = PlaceCall::new(ports, settings.policy, settings.destinations.clone())
            .with_holds(stores.holds())
            .with_default_policy(demo::calling_policy(settings.is_demo()));
        let preview = place_call.preview(&command).await;
        stores.close().await;
        let preview = preview?;
        print(&if options.json { adapter_http::decision_json(preview) } else { table(&preview) })
    })
}

fn table(preview: &Preview) -> String {
    let Preview { decision, agent_id, from, dial, duplicate } = preview;
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        writeln!(text, "{name:<14}{value}").expect("writing to a string does not fail");
    };
    let whys = (decision.agent.as_ref(), decision.caller_number.as_ref());
    row("VERDICT", if decision.is_allowed() { "allowed" } else { "refused" });
    if let Some(opens_at) = decision.opens_at {
        row("OPENS AT", &adapter_http::iso8601(opens_at));
    }
    row("TO", dial.to.as_e164());
    row("CONTACT", decision.contact_id.as_ref().map_or("none yet", |id| id.as_str()));
    row("AGENT", &format!("{agent_id} ({})", whys.0.map_or("", |(_, why)| why.as_str())));
    row("FROM", &format!("{} ({})", from.as_e164(), whys.1.map_or("", |(_, why)| why.as_str())));
    row("DUPLICATE", adapter_http::duplicate_state(duplicate));
    for time in &decision.callee_local_time {
        let region = time.region.as_ref().map_or("-", |region| region.as_str());
        let (zone, basis) = (time.zone.as_str(), time.basis.as_str());
        row("LOCAL TIME", &format!("{} {} in {region}, {zone} ({basis})", time.at.date, time.at.minute));
    }
    reasons(&mut row, decision);
    for rule in &decision.rules_applied {
        let verdict = match rule.verdict {
            RuleVerdict::Allows => "allows",
            RuleVerdict::Refuses(code) => code.as_str(),
        };
        let (id, group, mode) = (&rule.id.0, rule.group.as_str(), rule.mode.as_str());
        row("RULE", &format!("{id} v{} ({group}, {mode}): {verdict}; {}", rule.version, rule.source));
    }
    text
}

fn reasons(row: &mut impl FnMut(&str, &str), decision: &Decision) {
    let line = |refusal: &Refusal| {
        let Refusal { code, rule_id, detail, .. } = refusal;
        let opens = refusal.opens_at.map(|at| format!("; until {}", adapter_http::iso8601(at)));
        format!("{} ({}): {detail}{}", code.as_str(), rule_id.0, opens.unwrap_or_default())
    };
    for refusal in &decision.refusals {
        row("REFUSAL", &line(refusal));
    }
    for warning in &decision.warnings {
        row("WARNING", &line(warning));
    }
}

#[cfg(test)]
mod tests;
