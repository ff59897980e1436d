use std::borrow::Cow;

use domain::ports::{CallingRules, Identifiers};
use domain::{
    AccessRole, Agent, AgentId, CallerNumber, Carrier, ContactId, ContactIdentity, ContactRecord,
    DestinationRules, DirectoryRecord, InvalidValue, NumberRecord, Organization, OrganizationId, PersonName,
    PhoneNumber, PolicyFault, PolicyRecord, ProviderAgentId, ProviderNumberId, UserId, UserRecord,
    policy_faults,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::callee_lines::{self, ConsentLine, DoNotCallListLine, SuppressionLine};
use super::file_records::Reasons;
use super::place::{self, PlaceFields};

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Organization(OrganizationLine),
    User(UserLine),
    Agent(AgentLine),
    Number(NumberLine),
    Contact(ContactLine),
    Suppression(SuppressionLine),
    Consent(ConsentLine),
    #[serde(rename = "doNotCallList")]
    DoNotCallList(DoNotCallListLine),
}

/// The kind of a line.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrganizationLine {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UserLine {
    id: String,
    organization_id: String,
    full_name: String,
    access_role: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AgentLine {
    id: String,
    organization_id: String,
    name: String,
    voice_enabled: bool,
    provider_agent_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NumberLine {
    organization_id: String,
    user_id: String,
    phone_number: String,
    carrier: String,
    ai_enabled: bool,
    on_trunk: bool,
    provider_number_id: Option<String>,
    #[serde(default)]
    position: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContactLine {
    pub(super) id: Option<String>,
    pub(super) organization_id: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) region: Option<String>,
    pub(super) state: Option<String>,
    pub(super) country: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyLine {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    organization_id: String,
    policy: Box<RawValue>,
}

/// What lines are read with.
#[derive(Clone, Copy)]
pub(crate) struct LineReader<'a> {
    pub(crate) identifiers: &'a dyn Identifiers,
    /// Reads phone numbers.
    pub(crate) destinations: &'a DestinationRules,
    /// Has the time zones and the rules that a file may name.
    pub(crate) rules: &'a dyn CallingRules,
}

/// Parses one line. Only a do-not-call list has several records, of which the last one is the copy.
pub(super) fn parse(text: &str, reader: LineReader<'_>) -> Result<Vec<DirectoryRecord>, Reasons> {
    // Not a variant of `Line`: serde cannot keep the text of a field in there.
    if serde_json::from_str::<Kind<'_>>(text).is_ok_and(|line| line.kind == "callingPolicy") {
        let line = serde_json::from_str::<PolicyLine>(text).map_err(|error| vec![reason(&error)])?;
        return policy(&line, reader.rules).map(|record| vec![record]);
    }
    let line = serde_json::from_str::<Line>(text).map_err(|error| vec![reason(&error)])?;
    let read_number = |text: &str| phone_number(text, reader.destinations);
    let record = match line {
        Line::DoNotCallList(line) => {
            return callee_lines::do_not_call_numbers(&line, reader.destinations);
        }
        Line::Organization(line) => organization(&line),
        Line::User(line) => user(&line),
        Line::Agent(line) => agent(&line),
        Line::Number(line) => number(&line, reader.destinations),
        Line::Contact(line) => contact(&line, reader, read_number).map(DirectoryRecord::Contact),
        Line::Suppression(line) => callee_lines::suppression(&line, reader.identifiers, reader.destinations),
        Line::Consent(line) => callee_lines::consent(&line, reader.identifiers, reader.destinations),
    };
    record.map(|record| vec![record])
}

/// The error of serde, which ends at the first one, without the values that it quotes. Names of fields are kept.
fn reason(error: &serde_json::Error) -> String {
    if error.is_syntax() || error.is_eof() {
        return format!("not a JSON object, at column {}", error.column());
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with("unknown variant") {
        return "kind must be organization, user, agent, number, contact, callingPolicy, suppression, consent or \
                doNotCallList"
            .to_owned();
    }
    if ["missing field", "unknown field", "duplicate field"].iter().any(|known| text.starts_with(known)) {
        return text.chars().filter(|c| !c.is_control()).take(200).collect();
    }
    "a field has the wrong type".to_owned()
}

fn organization(line: &OrganizationLine) -> Result<DirectoryRecord, Reasons> {
    let (id, name) = both(id("id", &line.id, OrganizationId::parse), name("name", &line.name))?;
    Ok(DirectoryRecord::Organization(Organization { id, name }))
}

fn user(line: &UserLine) -> Result<DirectoryRecord, Reasons> {
    let id = id("id", &line.id, UserId::parse);
    let owned = both(organization_id(&line.organization_id), name("fullName", &line.full_name));
    let role = optional(line.access_role.as_deref(), |text| self::id("accessRole", text, AccessRole::parse));
    let ((id, access_role), (organization_id, full_name)) = both(both(id, role), owned)?;
    Ok(DirectoryRecord::User(UserRecord { id, organization_id, full_name, access_role }))
}

fn agent(line: &AgentLine) -> Result<DirectoryRecord, Reasons> {
    let ids = both(id("id", &line.id, AgentId::parse), organization_id(&line.organization_id));
    let provider_agent_id = optional(line.provider_agent_id.as_deref(), |text| {
        self::id("providerAgentId", text, ProviderAgentId::parse)
    });
    let ((id, organization_id), (name, provider_agent_id)) =
        both(ids, both(name("name", &line.name), provider_agent_id))?;
    let voice_enabled = line.voice_enabled;
    Ok(DirectoryRecord::Agent(Agent { id, organization_id, name, voice_enabled, provider_agent_id }))
}

fn number(line: &NumberLine, destinations: &DestinationRules) -> Result<DirectoryRecord, Reasons> {
    let owner = both(organization_id(&line.organization_id), id("userId", &line.user_id, UserId::parse));
    let carrier = Carrier::parse(&line.carrier).map_err(|error| vec![format!("carrier: {error}")]);
    let provider_number_id = optional(line.provider_number_id.as_deref(), |text| {
        id("providerNumberId", text, ProviderNumberId::parse)
    });
    let line_itself = both(phone_number(&line.phone_number, destinations), both(carrier, provider_number_id));
    let ((organization_id, user_id), (phone_number, (carrier, provider_number_id))) =
        both(owner, line_itself)?;
    let number = CallerNumber {
        organization_id,
        user_id,
        phone_number,
        carrier,
        ai_enabled: line.ai_enabled,
        on_trunk: line.on_trunk,
        provider_number_id,
    };
    Ok(DirectoryRecord::Number(NumberRecord { number, position: line.position }))
}

/// The contact of a line, whose phone number is read by `read_number`.
pub(super) fn contact(
    line: &ContactLine,
    reader: LineReader<'_>,
    read_number: impl FnOnce(&str) -> Result<PhoneNumber, Reasons>,
) -> Result<ContactRecord, Reasons> {
    let written_number = non_empty(line.phone_number.as_deref());
    let identity = match non_empty(line.id.as_deref()) {
        Some(text) => id("id", text, ContactId::parse).map(ContactIdentity::Known),
        // No request could find such a contact, and each import of the same file would add another
        // one.
        None if written_number.is_none() => Err(vec!["id or phoneNumber is required".to_owned()]),
        None => Ok(ContactIdentity::ByPhoneNumber { new_id: reader.identifiers.contact_id() }),
    };
    let names = both(
        optional(line.first_name.as_deref(), |text| name("firstName", text)),
        optional(line.last_name.as_deref(), |text| name("lastName", text)),
    );
    let place = place::read(
        PlaceFields {
            time_zone: non_empty(line.time_zone.as_deref()),
            region: non_empty(line.region.as_deref()),
            state: non_empty(line.state.as_deref()),
            country: non_empty(line.country.as_deref()),
        },
        reader.rules,
    );
    let contact = both(both(identity, organization_id(&line.organization_id)), both(names, place));
    let (((identity, organization_id), ((first_name, last_name), place)), phone_number) =
        both(contact, written_number.map(read_number).transpose())?;
    Ok(ContactRecord { identity, organization_id, first_name, last_name, phone_number, place })
}

fn policy(line: &PolicyLine, rules: &dyn CallingRules) -> Result<DirectoryRecord, Reasons> {
    let policy = policy_json::from_json(line.policy.get()).map_err(policy_reasons).and_then(|policy| {
        let faults = policy_faults(&policy, rules);
        if faults.is_empty() { Ok(Box::new(policy)) } else { Err(policy_reasons(faults)) }
    });
    let (organization_id, policy) = both(organization_id(&line.organization_id), policy)?;
    Ok(DirectoryRecord::CallingPolicy(PolicyRecord { organization_id, policy }))
}

fn policy_reasons(faults: Vec<PolicyFault>) -> Reasons {
    let reason = |PolicyFault { field, message }| match &*field {
        "" => format!("policy: {message}"),
        field => format!("policy.{field}: {message}"),
    };
    faults.into_iter().map(reason).collect()
}

/// Both values, or the reasons of all that there are not.
pub(super) fn both<A, B>(a: Result<A, Reasons>, b: Result<B, Reasons>) -> Result<(A, B), Reasons> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut reasons), Err(more)) => {
            reasons.extend(more);
            Err(reasons)
        }
        (Err(reasons), Ok(_)) | (Ok(_), Err(reasons)) => Err(reasons),
    }
}

pub(super) fn optional<T>(
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, Reasons>,
) -> Result<Option<T>, Reasons> {
    non_empty(text).map(parse).transpose()
}

pub(super) fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

pub(super) fn id<T>(
    field: &str,
    text: &str,
    parse: fn(&str) -> Result<T, InvalidValue>,
) -> Result<T, Reasons> {
    parse(text).map_err(|error| vec![format!("{field}: {error}")])
}

pub(super) fn organization_id(text: &str) -> Result<OrganizationId, Reasons> {
    id("organizationId", text, OrganizationId::parse)
}

fn name(field: &str, text: &str) -> Result<PersonName, Reasons> {
    PersonName::parse(text).map_err(|error| vec![format!("{field}: {error}")])
}

pub(super) fn phone_number(text: &str, destinations: &DestinationRules) -> Result<PhoneNumber, Reasons> {
    destinations.read_stored(text).map_err(|error| vec![format!("phoneNumber: {error}")])
}

#[cfg(test)]
mod tests;
