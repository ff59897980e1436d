//! Organizations, users, agents, caller numbers and contacts.

use domain::ports::{CallerNumberChoice, InboundParties};
use domain::{Agent, CallerNumber, Contact, Organization, User};

use crate::{Columns, Table, Unreadable};

const AGENTS: Table = Table("agents");
const CALLER_NUMBERS: Table = Table("caller_numbers");
const CONTACTS: Table = Table("contacts");
const ORGANIZATIONS: Table = Table("organizations");
const USERS: Table = Table("users");

pub struct AgentColumns {
    pub id: String,
    pub organization_id: String,
    pub name: String,
    pub voice_enabled: bool,
    pub provider_agent_id: Option<String>,
}

impl Columns for AgentColumns {
    type Value = Agent;

    fn read(self) -> Result<Agent, Unreadable> {
        Ok(Agent {
            id: AGENTS.read("id", self.id)?,
            organization_id: AGENTS.read("organization_id", self.organization_id)?,
            name: AGENTS.read("name", self.name)?,
            voice_enabled: self.voice_enabled,
            provider_agent_id: AGENTS.read_optional("provider_agent_id", self.provider_agent_id)?,
        })
    }
}

pub struct ContactColumns {
    pub id: String,
    pub organization_id: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone_number: Option<String>,
}

impl Columns for ContactColumns {
    type Value = Contact;

    fn read(self) -> Result<Contact, Unreadable> {
        Ok(Contact {
            id: CONTACTS.read("id", self.id)?,
            organization_id: CONTACTS.read("organization_id", self.organization_id)?,
            first_name: CONTACTS.read_optional("first_name", self.first_name)?,
            last_name: CONTACTS.read_optional("last_name", self.last_name)?,
            phone_number: CONTACTS.read_optional("phone_number", self.phone_number)?,
        })
    }
}

/// The caller number for a call. Its columns are null if the user has none.
pub struct CallerNumberColumns {
    pub organization_id: Option<String>,
    pub user_id: Option<String>,
    pub phone_number: Option<String>,
    pub carrier: Option<String>,
    pub ai_enabled: Option<bool>,
    pub on_trunk: Option<bool>,
    pub provider_number_id: Option<String>,
    pub recipient_is_own_number: bool,
    /// Separated by commas; `None` if the query does not ask for them, or if there are none.
    pub organization_numbers: Option<String>,
}

impl Columns for CallerNumberColumns {
    type Value = CallerNumberChoice;

    fn read(self) -> Result<CallerNumberChoice, Unreadable> {
        let recipient_is_own_number = self.recipient_is_own_number;
        let numbers = self.organization_numbers.as_deref().unwrap_or_default();
        let organization_numbers = numbers
            .split_terminator(',')
            .map(|number| CALLER_NUMBERS.read("phone_number", number))
            .collect::<Result<_, _>>()?;
        let Self {
            organization_id: Some(organization_id),
            user_id: Some(user_id),
            phone_number: Some(phone_number),
            carrier: Some(carrier),
            ai_enabled: Some(ai_enabled),
            on_trunk: Some(on_trunk),
            provider_number_id,
            ..
        } = self
        else {
            return Ok(CallerNumberChoice { caller: None, recipient_is_own_number, organization_numbers });
        };
        let caller = CallerNumber {
            organization_id: CALLER_NUMBERS.read("organization_id", organization_id)?,
            user_id: CALLER_NUMBERS.read("user_id", user_id)?,
            phone_number: CALLER_NUMBERS.read("phone_number", phone_number)?,
            carrier: CALLER_NUMBERS.read("carrier", carrier)?,
            ai_enabled,
            on_trunk,
            provider_number_id: CALLER_NUMBERS.read_optional("provider_number_id", provider_number_id)?,
        };
        Ok(CallerNumberChoice { caller: Some(caller), recipient_is_own_number, organization_numbers })
    }
}

pub struct UserColumns {
    pub id: String,
    pub full_name: String,
    pub organization_id: String,
    pub organization_name: String,
}

impl Columns for UserColumns {
    type Value = User;

    fn read(self) -> Result<User, Unreadable> {
        Ok(User {
            id: USERS.read("id", self.id)?,
            organization: read_organization(&self.organization_id, &self.organization_name)?,
            full_name: USERS.read("full_name", self.full_name)?,
        })
    }
}

/// The owner of the called number, and the contact who calls. The contact's columns are null if no
/// contact of the organization has the calling number.
pub struct InboundPartiesColumns {
    pub organization_id: String,
    pub organization_name: String,
    pub user_id: String,
    pub contact_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone_number: Option<String>,
}

impl Columns for InboundPartiesColumns {
    type Value = InboundParties;

    fn read(self) -> Result<InboundParties, Unreadable> {
        let organization = read_organization(&self.organization_id, &self.organization_name)?;
        let contact = self.contact_id.map(|id| ContactColumns {
            id,
            organization_id: self.organization_id,
            first_name: self.first_name,
            last_name: self.last_name,
            phone_number: self.phone_number,
        });
        Ok(InboundParties {
            organization,
            user_id: CALLER_NUMBERS.read("user_id", self.user_id)?,
            contact: contact.map(Columns::read).transpose()?,
        })
    }
}

fn read_organization(id: &str, name: &str) -> Result<Organization, Unreadable> {
    Ok(Organization { id: ORGANIZATIONS.read("id", id)?, name: ORGANIZATIONS.read("name", name)? })
}
