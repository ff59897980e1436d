//! The demo data of the embedded default, so that the first `curl` works.

use std::fmt::Write as _;
use std::time::Duration;

use adapter_http::Authenticator;
use domain::ports::{Directory, UpsertError};
use domain::{
    AccessRole, Agent, AgentId, CallerNumber, CallingPolicy, Carrier, ContactId, ContactIdentity,
    ContactPlace, ContactRecord, DirectoryRecord, InvalidValue, Mode, Modes, NumberRecord, Organization,
    OrganizationId, PersonName, PhoneNumber, PolicyRecord, ProviderAgentId, ProviderNumberId, RuleGroup,
    UserId, UserRecord,
};
use simulator::{MAGIC_NUMBERS, Simulator};

use crate::Application;
use crate::config::vendors;

/// The ids in the examples of the API's documents: its example request works in the demo.
const ORGANIZATION: &str = "64f0a1b2c3d4e5f6a7b8bb00";
const USER: &str = "64f0a1b2c3d4e5f6a7b8aa00";
const AGENT: &str = "64f0a1b2c3d4e5f6a7b8cc00";
const CONTACT: &str = "64f0a1b2c3d4e5f6a7b8c9d0";

/// Stores the organization, user, agent, caller number and contact of the demo. Repeating it
/// changes nothing, also not the calling policy, which the user of the demo may change.
pub(crate) async fn seed(directory: &dyn Directory) -> anyhow::Result<()> {
    let mut records = Vec::from(records().expect("the values of the demo are valid"));
    if directory.find_named(&records[..1]).await?.is_empty() {
        records.push(policy().expect("the values of the demo are valid"));
    }
    let mut import = directory.begin().await?;
    import
        .upsert(&records)
        .await
        .map_err(|error: UpsertError| anyhow::anyhow!("cannot store the demo: {error}"))?;
    import.commit().await?;
    Ok(())
}

/// The policy of an organization that stored none. The demo is tried at any time of the day, so that it
/// has no quiet hours.
pub(crate) fn calling_policy(is_demo: bool) -> CallingPolicy {
    let policy = CallingPolicy::default();
    let modes = if is_demo { policy.modes.with(RuleGroup::QuietHours, Mode::Off) } else { policy.modes };
    CallingPolicy { modes, ..policy }
}

/// A token for the user of the demo, valid for a day. Nothing if the gateway has no secret to sign
/// with.
pub(crate) fn token(authenticator: &Authenticator) -> Option<String> {
    let user = UserId::parse(USER).expect("the values of the demo are valid");
    authenticator.sign(&user, Duration::from_hours(24)).ok()
}

/// The output of `outdial serve` when the demo is ready: a `curl` that places a simulated call, and
/// what to try next.
pub(crate) fn greeting(application: &Application) -> String {
    let token = application.demo_token().unwrap_or("$TOKEN");
    let address = application.address();
    let simulator = application.simulator().map(Simulator::base_url).unwrap_or_default();
    format!(
        "Outdial serves http://{address} with demo data and a simulated voice provider: no phone rings.\n\n\
         Place a call:\n\n  \
         curl -sS http://{address}/api/calls/ai/outbound \\\n    \
         -H 'Authorization: Bearer {token}' \\\n    \
         -H 'Content-Type: application/json' \\\n    \
         -d '{{\"contactId\":\"{CONTACT}\",\"callReason\":\"Follow up on the quote\"}}'\n\n\
         Read the call and its transcript, a second later:\n\n  \
         curl -sS http://{address}/api/calls/history -H 'Authorization: Bearer {token}'\n\n\
         Follow the events of calls:\n\n  \
         curl -sSN http://{address}/api/calls/events -H 'Authorization: Bearer {token}'\n\n\
         The same request within 30 s places no second call and returns \"deduplicated\":true.\n\
         Simulated calls:   curl -sS {simulator}/sim/dials\n\
         API documentation: http://{address}/docs\n\n"
    )
}

/// The output of `outdial simulate`: its address, and the behaviour of its numbers.
pub(crate) fn simulator_greeting(simulator: &Simulator) -> String {
    let mut text = format!(
        "The simulated voice provider listens on {}: no phone rings.\n\
         To use it, start a gateway with one of these:\n\n",
        simulator.address()
    );
    for vendor in vendors() {
        let (prefix, url) = (vendor.to_uppercase(), simulator.base_url());
        writeln!(text, "  OUTDIAL_VOICE_PROVIDER={vendor} OUTDIAL_{prefix}_BASE_URL={url}")
            .expect("writing to a string does not fail");
    }
    let (agent, number) = (simulator::DEMO_AGENT_ID, simulator::DEMO_PHONE_NUMBER_ID);
    writeln!(
        text,
        "\nAn agent and a phone number of it (--any-id accepts all others too):\n\n  {agent}\n  {number}"
    )
    .expect("writing to a string does not fail");
    text.push_str("\nNumbers with a special behaviour (every other number answers):\n\n");
    for magic in MAGIC_NUMBERS {
        writeln!(text, "  {}  {}", magic.number, magic.description)
            .expect("writing to a string does not fail");
    }
    text
}

/// Without quiet hours: no phone rings, and the demo is also tried at night.
fn policy() -> Result<DirectoryRecord, InvalidValue> {
    let modes = Modes::default().with(RuleGroup::QuietHours, Mode::Off);
    let policy = Box::new(CallingPolicy { modes, ..CallingPolicy::default() });
    Ok(DirectoryRecord::CallingPolicy(PolicyRecord {
        organization_id: OrganizationId::parse(ORGANIZATION)?,
        policy,
    }))
}

fn records() -> Result<[DirectoryRecord; 5], InvalidValue> {
    let name = |text| PersonName::parse(text).expect("a short plain name");
    let number = |text| PhoneNumber::parse(text).expect("a fictional but well-formed number");
    let organization_id = OrganizationId::parse(ORGANIZATION)?;
    let user_id = UserId::parse(USER)?;
    Ok([
        DirectoryRecord::Organization(Organization {
            id: organization_id.clone(),
            name: name("Demo Organization"),
        }),
        DirectoryRecord::User(UserRecord {
            id: user_id.clone(),
            organization_id: organization_id.clone(),
            full_name: name("Demo User"),
            access_role: Some(AccessRole::parse("ADMIN")?),
        }),
        DirectoryRecord::Agent(Agent {
            id: AgentId::parse(AGENT)?,
            organization_id: organization_id.clone(),
            name: name("Demo Agent"),
            voice_enabled: true,
            provider_agent_id: Some(ProviderAgentId::parse(simulator::DEMO_AGENT_ID)?),
        }),
        DirectoryRecord::Number(NumberRecord {
            number: CallerNumber {
                organization_id: organization_id.clone(),
                user_id,
                phone_number: number(simulator::DEMO_CALLER_NUMBER),
                carrier: Carrier::named("sinch"),
                ai_enabled: true,
                on_trunk: true,
                provider_number_id: Some(ProviderNumberId::parse(simulator::DEMO_PHONE_NUMBER_ID)?),
            },
            position: 0,
        }),
        DirectoryRecord::Contact(ContactRecord {
            identity: ContactIdentity::Known(ContactId::parse(CONTACT)?),
            organization_id,
            first_name: Some(name("Ada")),
            last_name: Some(name("Lovelace")),
            phone_number: Some(number(MAGIC_NUMBERS[0].number)),
            place: ContactPlace::default(),
        }),
    ])
}
