//! Organizations, users, agents, caller numbers and contacts.

use std::collections::BTreeSet;

use domain::ports::{CallerNumberChoice, InboundParties, StoredIdentity};
use domain::{
    Agent, CallerNumber, Carrier, Contact, ContactIdentity, DirectoryRecord, DoNotCallCopy, NumberRecord,
    Organization, OrganizationId, User,
};

use serde::Deserialize;

use crate::{Columns, Table, Unreadable};

const AGENTS: Table = Table("agents");
pub(crate) const CALLER_NUMBERS: Table = Table("caller_numbers");
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

/// The caller number for a call. Its columns are null if the user has none.
pub struct CallerNumberColumns {
    pub organization_id: Option<String>,
    pub user_id: Option<String>,
    pub phone_number: Option<String>,
    pub carrier: Option<String>,
    pub ai_enabled: Option<bool>,
    pub on_trunk: Option<bool>,
    pub provider_number_id: Option<String>,
    /// A JSON list of the user's other numbers; `None` if there are none.
    pub other_numbers: Option<String>,
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
            let (caller, others) = (None, Vec::new());
            return Ok(CallerNumberChoice { caller, others, recipient_is_own_number, organization_numbers });
        };
        let others = read_others(self.other_numbers, &organization_id, &user_id)?;
        let caller = ListedNumberColumns {
            organization_id,
            user_id,
            phone_number,
            carrier,
            ai_enabled,
            on_trunk,
            provider_number_id,
        };
        let caller = caller.read()?;
        let caller = Some(caller);
        Ok(CallerNumberChoice { caller, others, recipient_is_own_number, organization_numbers })
    }
}

/// One of the other numbers, as the statements write it.
#[derive(Deserialize)]
struct OtherNumber {
    phone_number: String,
    carrier: String,
    ai_enabled: bool,
    on_trunk: bool,
    provider_number_id: Option<String>,
}

fn read_others(
    json: Option<String>,
    organization_id: &str,
    user_id: &str,
) -> Result<Vec<CallerNumber>, Unreadable> {
    let unreadable = |_| CALLER_NUMBERS.unreadable("phone_number");
    let others: Vec<OtherNumber> =
        json.as_deref().map_or(Ok(Vec::new()), serde_json::from_str).map_err(unreadable)?;
    let read = |other: OtherNumber| {
        let OtherNumber { phone_number, carrier, ai_enabled, on_trunk, provider_number_id } = other;
        let (organization_id, user_id) = (organization_id.to_owned(), user_id.to_owned());
        ListedNumberColumns {
            organization_id,
            user_id,
            phone_number,
            carrier,
            ai_enabled,
            on_trunk,
            provider_number_id,
        }
        .read()
    };
    others.into_iter().map(read).collect()
}

/// A caller number in a list.
pub struct ListedNumberColumns {
    pub organization_id: String,
    pub user_id: String,
    pub phone_number: String,
    pub carrier: String,
    pub ai_enabled: bool,
    pub on_trunk: bool,
    pub provider_number_id: Option<String>,
}

impl Columns for ListedNumberColumns {
    type Value = CallerNumber;

    fn read(self) -> Result<CallerNumber, Unreadable> {
        Ok(CallerNumber {
            organization_id: CALLER_NUMBERS.read("organization_id", self.organization_id)?,
            user_id: CALLER_NUMBERS.read("user_id", self.user_id)?,
            phone_number: CALLER_NUMBERS.read("phone_number", self.phone_number)?,
            carrier: CALLER_NUMBERS.read("carrier", self.carrier)?,
            ai_enabled: self.ai_enabled,
            on_trunk: self.on_trunk,
            provider_number_id: CALLER_NUMBERS
                .read_optional("provider_number_id", self.provider_number_id)?,
        })
    }
}

/// Why the limit of a trunk cannot be read.
pub const CALLS_PER_SECOND: &str = "trunks.calls_per_second is not a number of calls";

/// A caller number with its position.
pub struct NumberRecordColumns {
    pub organization_id: String,
    pub user_id: String,
    pub phone_number: String,
    pub carrier: String,
    pub ai_enabled: bool,
    pub on_trunk: bool,
    pub provider_number_id: Option<String>,
    pub position: i64,
}

impl Columns for NumberRecordColumns {
    type Value = NumberRecord;

    fn read(self) -> Result<NumberRecord, Unreadable> {
        let Self {
            organization_id,
            user_id,
            phone_number,
            carrier,
            ai_enabled,
            on_trunk,
            provider_number_id,
            position,
        } = self;
        let number = ListedNumberColumns {
            organization_id,
            user_id,
            phone_number,
            carrier,
            ai_enabled,
            on_trunk,
            provider_number_id,
        };
        // An import writes 32 bits, and the columns refuse what is less than 0.
        Ok(NumberRecord { number: number.read()?, position: u32::try_from(position).unwrap_or(u32::MAX) })
    }
}

/// The names of carriers as a JSON array, for a database without arrays.
pub fn carriers_json(carriers: &[Carrier]) -> String {
    let names: Vec<_> = carriers.iter().map(Carrier::as_str).collect();
    serde_json::to_string(&names).expect("texts are always JSON")
}

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
