use domain::ports::Identifiers;
use domain::{
    Agent, AgentId, CallerNumber, Carrier, ContactId, ContactIdentity, ContactRecord, DestinationRules,
    DirectoryRecord, InvalidValue, NumberRecord, Organization, OrganizationId, PersonName, PhoneNumber,
    ProviderAgentId, ProviderNumberId, UserId, UserRecord,
};
use serde::Deserialize;

use super::file_records::Reasons;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Organization(OrganizationLine),
    User(UserLine),
    Agent(AgentLine),
    Number(NumberLine),
    Contact(ContactLine),
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
}

/// Parses one line.
pub(super) fn parse(
    text: &str,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
) -> Result<DirectoryRecord, Reasons> {
    let line = serde_json::from_str::<Line>(text).map_err(|error| vec![reason(&error)])?;
    match line {
        Line::Organization(line) => organization(&line),
        Line::User(line) => user(&line),
        Line::Agent(line) => agent(&line),
        Line::Number(line) => number(&line, destinations),
        Line::Contact(line) => {
            contact(&line, identifiers, |text| phone_number(text, destinations)).map(DirectoryRecord::Contact)
        }
    }
}

/// The error of serde, which ends at the first one, without the values that it quotes. Names of fields are kept.
fn reason(error: &serde_json::Error) -> String {
    if error.is_syntax() || error.is_eof() {
        return format!("not a JSON object, at column {}", error.column());
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with("unknown variant") {
        return "kind must be organization, user, agent, number or contact".to_owned();
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
    let (id, (organization_id, full_name)) = both(id, owned)?;
    Ok(DirectoryRecord::User(UserRecord { id, organization_id, full_name }))
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
    identifiers: &dyn Identifiers,
    read_number: impl FnOnce(&str) -> Result<PhoneNumber, Reasons>,
) -> Result<ContactRecord, Reasons> {
    let written_number = non_empty(line.phone_number.as_deref());
    let identity = match non_empty(line.id.as_deref()) {
        Some(text) => id("id", text, ContactId::parse).map(ContactIdentity::Known),
        // No request could find such a contact, and each import of the same file would add another
        // one.
        None if written_number.is_none() => Err(vec!["id or phoneNumber is required".to_owned()]),
        None => Ok(ContactIdentity::ByPhoneNumber { new_id: identifiers.contact_id() }),
    };
    let names = both(
        optional(line.first_name.as_deref(), |text| name("firstName", text)),
        optional(line.last_name.as_deref(), |text| name("lastName", text)),
    );
    let contact = both(both(identity, organization_id(&line.organization_id)), names);
    let (((identity, organization_id), (first_name, last_name)), phone_number) =
        both(contact, written_number.map(read_number).transpose())?;
    Ok(ContactRecord { identity, organization_id, first_name, last_name, phone_number })
}

/// Both values, or the reasons of all that there are not.
fn both<A, B>(a: Result<A, Reasons>, b: Result<B, Reasons>) -> Result<(A, B), Reasons> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut reasons), Err(more)) => {
            reasons.extend(more);
            Err(reasons)
        }
        (Err(reasons), Ok(_)) | (Ok(_), Err(reasons)) => Err(reasons),
    }
}

fn optional<T>(
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, Reasons>,
) -> Result<Option<T>, Reasons> {
    non_empty(text).map(parse).transpose()
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn id<T>(field: &str, text: &str, parse: fn(&str) -> Result<T, InvalidValue>) -> Result<T, Reasons> {
    parse(text).map_err(|error| vec![format!("{field}: {error}")])
}

fn organization_id(text: &str) -> Result<OrganizationId, Reasons> {
    id("organizationId", text, OrganizationId::parse)
}

fn name(field: &str, text: &str) -> Result<PersonName, Reasons> {
    PersonName::parse(text).map_err(|error| vec![format!("{field}: {error}")])
}

fn phone_number(text: &str, destinations: &DestinationRules) -> Result<PhoneNumber, Reasons> {
    destinations.read_stored(text).map_err(|error| vec![format!("phoneNumber: {error}")])
}

#[cfg(test)]
mod tests;
