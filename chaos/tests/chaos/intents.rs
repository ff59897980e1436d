//! What the clients of a run call: a few intents, so that most requests are duplicates.

use std::time::Duration;

use serde_json::json;

/// A user and a number: all calls of the user have the same agent, and a number has one contact in
/// an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Intent {
    pub(crate) user: User,
    /// The last digits of the number.
    line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum User {
    First,
    /// Of the same organization as the first one.
    Second,
    /// Of another organization.
    Other,
}

impl User {
    pub(crate) const ALL: [Self; 3] = [Self::First, Self::Second, Self::Other];

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Other => "other",
        }
    }

    pub(crate) const fn organization(self) -> &'static str {
        match self {
            Self::First | Self::Second => ORGANIZATIONS[0],
            Self::Other => ORGANIZATIONS[1],
        }
    }
}

pub(crate) const ORGANIZATIONS: [&str; 2] = ["engines", "looms"];

/// The clients call this many intents at a time.
pub(crate) const SLOTS: usize = 12;

/// The user and the line of each slot. All three users call some of the numbers, and two of the users
/// are of one organization.
const IN_SLOTS: [(User, u64); SLOTS] = [
    (User::First, 1),
    (User::First, 2),
    (User::First, 3),
    (User::First, 4),
    (User::First, 5),
    (User::Second, 1),
    (User::Second, 2),
    (User::Other, 1),
    (User::Other, 2),
    (User::Other, 6),
    (User::Other, 7),
    (User::Other, 8),
];

/// How long the clients call the same intents. An intent whose call was unknown and was then answered
/// is not dialled again for an hour: without other intents, a run would end with no dials.
pub(crate) const GENERATION: Duration = Duration::from_secs(12);

/// Every number begins like this, and no other text.
pub(crate) const NUMBERS: &str = "+1416555";

impl Intent {
    /// The intent of a slot, this long after the load began.
    pub(crate) fn in_slot(slot: usize, since: Duration) -> Self {
        let generation = since.as_secs() / GENERATION.as_secs();
        let (user, line) = IN_SLOTS[slot];
        Self { user, line: 3000 + 10 * (generation % 600) + line }
    }

    /// All intents of a run of this length.
    pub(crate) fn all(time: Duration) -> impl Iterator<Item = Self> {
        let generations = time.as_secs() / GENERATION.as_secs() + 20;
        let begins = (0..generations).map(|generation| GENERATION * u32::try_from(generation).unwrap_or(0));
        begins.flat_map(|begins| (0..SLOTS).map(move |slot| Self::in_slot(slot, begins)))
    }

    /// A contact of the organization to which the user does not belong.
    pub(crate) fn foreign_contact(self) -> String {
        let others = ORGANIZATIONS.into_iter().filter(|other| *other != self.user.organization());
        others.map(contact_of).collect()
    }

    pub(crate) fn number(self) -> String {
        format!("{NUMBERS}{}", self.line)
    }
}

/// A contact that no client of its organization calls.
fn contact_of(organization: &str) -> String {
    format!("contact-of-{organization}")
}

/// The directory of a run. It has no contact with the number of an intent: the first calls create
/// them.
pub(crate) fn directory() -> String {
    let mut records = Vec::new();
    for organization in ORGANIZATIONS {
        records.push(json!({ "kind": "organization", "id": organization, "name": organization }));
        records.push(json!({ "kind": "agent", "id": format!("agent-of-{organization}"),
            "organizationId": organization, "name": "Nora", "voiceEnabled": true,
            "providerAgentId": format!("agent_{organization}") }));
        records.push(json!({ "kind": "contact", "id": contact_of(organization),
            "organizationId": organization, "phoneNumber": format!("{NUMBERS}2100") }));
    }
    for (n, user) in User::ALL.into_iter().enumerate() {
        let organization = user.organization();
        records.push(json!({ "kind": "user", "id": user.id(), "organizationId": organization,
            "fullName": user.id() }));
        records.push(json!({ "kind": "number", "organizationId": organization, "userId": user.id(),
            "phoneNumber": format!("{NUMBERS}20{n:02}"), "carrier": "sinch", "aiEnabled": true,
            "onTrunk": true, "providerNumberId": format!("phnum_{}", user.id()) }));
    }
    records.iter().map(|record| format!("{record}\n")).collect()
}
