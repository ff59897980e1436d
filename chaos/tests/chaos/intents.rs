//! What the clients of a run call: a few intents, so that most requests are duplicates.

use serde_json::json;

/// A user and a number: all calls of the user have the same agent, and a number has one contact in
/// an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) user: User,
    /// The last digits of the number.
    line: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// All three users call some of the numbers, and two of them have the numbers of one organization.
pub(crate) const INTENTS: [Intent; 12] = [
    Intent { user: User::First, line: 1 },
    Intent { user: User::First, line: 2 },
    Intent { user: User::First, line: 3 },
    Intent { user: User::First, line: 4 },
    Intent { user: User::First, line: 5 },
    Intent { user: User::Second, line: 1 },
    Intent { user: User::Second, line: 2 },
    Intent { user: User::Other, line: 1 },
    Intent { user: User::Other, line: 2 },
    Intent { user: User::Other, line: 6 },
    Intent { user: User::Other, line: 7 },
    Intent { user: User::Other, line: 8 },
];

/// No number of another kind begins like this.
pub(crate) const NUMBERS: &str = "+1416555";

impl Intent {
    /// A contact of the organization to which the user does not belong.
    pub(crate) fn foreign_contact(self) -> String {
        let others = ORGANIZATIONS.into_iter().filter(|other| *other != self.user.organization());
        others.map(contact_of).collect()
    }

    pub(crate) fn number(self) -> String {
        format!("{NUMBERS}30{:02}", self.line)
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
            "organizationId": organization, "phoneNumber": format!("{NUMBERS}4000") }));
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
