use domain::ports::Identifiers;
use domain::{
    Agent, AgentId, CallerNumber, Carrier, ContactId, ContactIdentity, ContactRecord, DestinationRules,
    DirectoryRecord, InvalidValue, NumberRecord, Organization, OrganizationId, PersonName, PhoneNumber,
    ProviderAgentId, ProviderNumberId, UserId, UserRecord,
};
use serde::Deserialize;

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
struct ContactLine {
    id: Option<String>,
    organization_id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
}

/// Parses one line. An error names the field and never quotes its value.
pub(super) fn parse(
    text: &str,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
) -> Result<DirectoryRecord, String> {
    let line = serde_json::from_str::<Line>(text).map_err(|error| reason(&error))?;
    match line {
        Line::Organization(line) => organization(&line),
        Line::User(line) => user(&line),
        Line::Agent(line) => agent(&line),
        Line::Number(line) => number(&line, destinations),
        Line::Contact(line) => contact(&line, identifiers, destinations),
    }
}

/// The error of serde without the values that it quotes. Names of fields are kept.
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

fn organization(line: &OrganizationLine) -> Result<DirectoryRecord, String> {
    let id = id("id", &line.id, OrganizationId::parse)?;
    Ok(DirectoryRecord::Organization(Organization { id, name: name("name", &line.name)? }))
}

fn user(line: &UserLine) -> Result<DirectoryRecord, String> {
    Ok(DirectoryRecord::User(UserRecord {
        id: id("id", &line.id, UserId::parse)?,
        organization_id: id("organizationId", &line.organization_id, OrganizationId::parse)?,
        full_name: name("fullName", &line.full_name)?,
    }))
}

fn agent(line: &AgentLine) -> Result<DirectoryRecord, String> {
    let provider_agent_id = non_empty(line.provider_agent_id.as_deref());
    Ok(DirectoryRecord::Agent(Agent {
        id: id("id", &line.id, AgentId::parse)?,
        organization_id: id("organizationId", &line.organization_id, OrganizationId::parse)?,
        name: name("name", &line.name)?,
        voice_enabled: line.voice_enabled,
        provider_agent_id: provider_agent_id
            .map(|text| id("providerAgentId", text, ProviderAgentId::parse))
            .transpose()?,
    }))
}

fn number(line: &NumberLine, destinations: &DestinationRules) -> Result<DirectoryRecord, String> {
    let provider_number_id = non_empty(line.provider_number_id.as_deref());
    let number = CallerNumber {
        organization_id: id("organizationId", &line.organization_id, OrganizationId::parse)?,
        user_id: id("userId", &line.user_id, UserId::parse)?,
        phone_number: phone_number(&line.phone_number, destinations)?,
        carrier: Carrier::parse(&line.carrier).map_err(|error| format!("carrier: {error}"))?,
        ai_enabled: line.ai_enabled,
        on_trunk: line.on_trunk,
        provider_number_id: provider_number_id
            .map(|text| id("providerNumberId", text, ProviderNumberId::parse))
            .transpose()?,
    };
    Ok(DirectoryRecord::Number(NumberRecord { number, position: line.position }))
}

fn contact(
    line: &ContactLine,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
) -> Result<DirectoryRecord, String> {
    let phone_number =
        non_empty(line.phone_number.as_deref()).map(|text| phone_number(text, destinations)).transpose()?;
    let identity = match non_empty(line.id.as_deref()) {
        Some(text) => ContactIdentity::Known(id("id", text, ContactId::parse)?),
        // No request could find such a contact, and each import of the same file would add another
        // one.
        None if phone_number.is_none() => return Err("id or phoneNumber is required".to_owned()),
        None => ContactIdentity::ByPhoneNumber { new_id: identifiers.contact_id() },
    };
    let optional_name =
        |field, text: &Option<String>| non_empty(text.as_deref()).map(|text| name(field, text)).transpose();
    Ok(DirectoryRecord::Contact(ContactRecord {
        identity,
        organization_id: id("organizationId", &line.organization_id, OrganizationId::parse)?,
        first_name: optional_name("firstName", &line.first_name)?,
        last_name: optional_name("lastName", &line.last_name)?,
        phone_number,
    }))
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn id<T>(field: &str, text: &str, parse: fn(&str) -> Result<T, InvalidValue>) -> Result<T, String> {
    parse(text).map_err(|error| format!("{field}: {error}"))
}

fn name(field: &str, text: &str) -> Result<PersonName, String> {
    PersonName::parse(text).map_err(|error| format!("{field}: {error}"))
}

fn phone_number(text: &str, destinations: &DestinationRules) -> Result<PhoneNumber, String> {
    destinations.read_stored(text).map_err(|error| format!("phoneNumber: {error}"))
}

#[cfg(test)]
mod tests;
