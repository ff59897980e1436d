//! Organizations, users, agents and contacts.

use std::collections::BTreeSet;

use domain::ports::{InboundParties, StoredIdentity};
use domain::{
    Agent, Contact, ContactIdentity, DirectoryRecord, DoNotCallCopy, NumberRecord, Organization,
    OrganizationId, User,
};

use crate::caller_number::CALLER_NUMBERS;
use crate::{Columns, Table, Unreadable};

const AGENTS: Table = Table("agents");
const CONTACTS: Table = Table("contacts");
const DO_NOT_CALL_LISTS: Table = Table("do_not_call_lists");
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

/// Why the limit of a trunk cannot be read.
pub const CALLS_PER_SECOND: &str = "trunks.calls_per_second is not a number of calls";

pub struct UserColumns {
    pub id: String,
    pub full_name: String,
    pub organization_id: String,
    pub organization_name: String,
    pub access_role: Option<String>,
}

impl Columns for UserColumns {
    type Value = User;

    fn read(self) -> Result<User, Unreadable> {
        Ok(User {
            id: USERS.read("id", self.id)?,
            organization: read_organization(&self.organization_id, &self.organization_name)?,
            full_name: USERS.read("full_name", self.full_name)?,
            access_role: USERS.read_optional("access_role", self.access_role)?,
        })
    }
}

/// What the records of an import name, as parameters of a statement, each once.
#[derive(Default)]
pub struct NamedColumns<'a> {
    pub organizations: BTreeSet<&'a str>,
    pub users: BTreeSet<&'a str>,
    pub agents: BTreeSet<&'a str>,
    pub contacts: BTreeSet<&'a str>,
    /// The organization and the number of each contact that has a number.
    pub numbers: BTreeSet<(&'a str, &'a str)>,
    /// The organization and the name of each do-not-call list of which there is a copy.
    pub lists: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> NamedColumns<'a> {
    pub fn of(records: &'a [DirectoryRecord]) -> Self {
        let mut named = Self::default();
        for record in records {
            named.add(record);
        }
        named
    }

    /// The same as JSON arrays. A number and a list are arrays of their two texts.
    pub fn into_json(self) -> NamedJson {
        fn json(texts: impl serde::Serialize) -> String {
            serde_json::to_string(&texts).expect("texts are always JSON")
        }
        NamedJson {
            organizations: json(self.organizations),
            users: json(self.users),
            agents: json(self.agents),
            contacts: json(self.contacts),
            numbers: json(self.numbers),
            lists: json(self.lists),
        }
    }

    fn add(&mut self, record: &'a DirectoryRecord) {
        let organization_id: &OrganizationId = match record {
            DirectoryRecord::Organization(organization) => &organization.id,
            DirectoryRecord::User(user) => {
                self.users.insert(user.id.as_str());
                &user.organization_id
            }
            DirectoryRecord::Suppression(suppression) => match &suppression.organization_id {
                Some(organization_id) => organization_id,
                None => return,
            },
            DirectoryRecord::Consent(consent) => &consent.organization_id,
            DirectoryRecord::DoNotCallNumber(number) => &number.copy.organization_id,
            DirectoryRecord::DoNotCallCopy(copy) => {
                self.lists.insert((copy.organization_id.as_str(), copy.name.as_str()));
                &copy.organization_id
            }
            DirectoryRecord::Agent(agent) => {
                self.agents.insert(agent.id.as_str());
                &agent.organization_id
            }
            DirectoryRecord::Number(NumberRecord { number, .. }) => {
                self.users.insert(number.user_id.as_str());
                &number.organization_id
            }
            DirectoryRecord::Contact(contact) => {
                if let ContactIdentity::Known(id) = &contact.identity {
                    self.contacts.insert(id.as_str());
                }
                if let Some(number) = &contact.phone_number {
                    self.numbers.insert((contact.organization_id.as_str(), number.as_e164()));
                }
                &contact.organization_id
            }
            DirectoryRecord::CallingPolicy(record) => &record.organization_id,
        };
        self.organizations.insert(organization_id.as_str());
    }
}

/// [`NamedColumns`] for a database without arrays.
pub struct NamedJson {
    pub organizations: String,
    pub users: String,
    pub agents: String,
    pub contacts: String,
    pub numbers: String,
    pub lists: String,
}

/// What is stored of a record. `kind` is the name of its table.
pub struct StoredIdentityColumns {
    pub kind: String,
    pub id: String,
    pub organization_id: String,
    pub phone_number: Option<String>,
    /// Of a do-not-call list, whose `id` is its name.
    pub dated: Option<String>,
}

impl Columns for StoredIdentityColumns {
    type Value = StoredIdentity;

    fn read(self) -> Result<StoredIdentity, Unreadable> {
        let Self { kind, id, organization_id, phone_number, dated } = self;
        match kind.as_str() {
            "organizations" => Ok(StoredIdentity::Organization(ORGANIZATIONS.read("id", id)?)),
            "users" => Ok(StoredIdentity::User(
                USERS.read("id", id)?,
                USERS.read("organization_id", organization_id)?,
            )),
            "agents" => Ok(StoredIdentity::Agent(
                AGENTS.read("id", id)?,
                AGENTS.read("organization_id", organization_id)?,
            )),
            "do_not_call_lists" => Ok(StoredIdentity::DoNotCallList(DoNotCallCopy {
                organization_id: DO_NOT_CALL_LISTS.read("organization_id", organization_id)?,
                name: DO_NOT_CALL_LISTS.read("name", id)?,
                dated: DO_NOT_CALL_LISTS.read("dated", dated.unwrap_or_default())?,
            })),
            _ => Ok(StoredIdentity::Contact {
                id: CONTACTS.read("id", id)?,
                organization_id: CONTACTS.read("organization_id", organization_id)?,
                phone_number: CONTACTS.read_optional("phone_number", phone_number)?,
            }),
        }
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
