//! Valid values for tests. No id, number, key or token is made twice, in this process or another,
//! so that tests can share a store.

mod callee_records;
mod decision;
mod ids;
mod policy;

use std::time::Duration;

use domain::{
    AccessRole, Agent, AudioFormat, Booking, CallContext, CallEvent, CallEventKind, CallId, CallIdentity,
    CallMetadata, CallReason, CallReference, CallStatus, CallerNumber, Carrier, Contact, ContactId,
    ContactIdentity, ContactPlace, ContactRecord, DirectoryRecord, DueDelivery, DynamicVariables, EndReason,
    EventId, EventSequence, InboundContext, IntentKey, NumberRecord, Organization, OrganizationId,
    OwnerToken, PersonName, PhoneNumber, ProviderReference, Recording, RecordingKey, TakeOver, Timestamp,
    User, UserRecord, VariableValue, WebhookEndpoint, WebhookSecret, WebhookUrl,
};

pub use self::callee_records::{consent, suppression};
pub use self::decision::{conditions, decision};
pub use self::ids::{
    agent_id, call_id, carrier_call_id, consent_id, contact_id, conversation_id, keyed_request,
    long_contact_id, organization_id, provider_agent_id, provider_number_id, subject, suppression_id,
    trunk_id, user_id, webhook_endpoint_id,
};
use self::ids::{next, unique};
pub use self::policy::calling_policy;

/// An organization with one of everything. [`Tenant::records`] stores all of it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The organization.
    pub organization: Organization,
    /// A user of it.
    pub user: UserRecord,
    /// A synced, voice-enabled agent.
    pub agent: Agent,
    /// A number of the user that serves AI calls.
    pub number: NumberRecord,
    /// A contact with a name and a number.
    pub contact: ContactRecord,
}

impl Tenant {
    /// A new tenant.
    #[must_use]
    pub fn new() -> Self {
        let organization = organization();
        let user = user(&organization.id);
        Self {
            agent: agent(&organization.id),
            number: number(&user, 0),
            contact: contact(&organization.id),
            organization,
            user,
        }
    }

    /// The records of the tenant, in an order in which they can be stored.
    #[must_use]
    pub fn records(&self) -> Vec<DirectoryRecord> {
        vec![
            DirectoryRecord::Organization(self.organization.clone()),
            DirectoryRecord::User(self.user.clone()),
            DirectoryRecord::Agent(self.agent.clone()),
            DirectoryRecord::Number(self.number.clone()),
            DirectoryRecord::Contact(self.contact.clone()),
        ]
    }

    /// The user, as `UserRepo` returns it.
    #[must_use]
    pub fn stored_user(&self) -> User {
        User {
            id: self.user.id.clone(),
            organization: self.organization.clone(),
            full_name: self.user.full_name.clone(),
            access_role: self.user.access_role.clone(),
        }
    }

    /// The contact's id.
    ///
    /// # Panics
    /// If the tenant's contact was changed to one that is known by its number.
    #[must_use]
    pub fn contact_id(&self) -> ContactId {
        stored_contact(&self.contact).id
    }

    /// A booking of a call by the tenant's user to its contact: a new call with a new key.
    #[must_use]
    pub fn booking(&self, reserve_for: Duration) -> Booking {
        Booking {
            identity: CallIdentity {
                call_id: call_id(),
                organization_id: self.organization.id.clone(),
                user_id: self.user.id.clone(),
                contact_id: self.contact_id(),
                agent_id: self.agent.id.clone(),
                from: self.number.number.phone_number.clone(),
                to: self.contact.phone_number.clone().unwrap_or_else(phone_number),
            },
            reason: Some(reason()),
            variables: variables(),
            metadata: Some(metadata()),
            key: key(),
            token: token(),
            reserve_for,
            take_over: TakeOver::Expired,
            booked_at: moment(),
            conditions: conditions(),
            keyed: None,
            trace: None,
        }
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self::new()
    }
}

/// An organization with a name beyond ASCII.
#[must_use]
pub fn organization() -> Organization {
    Organization { id: organization_id(), name: name("Société d’Été № 7 – 東京") }
}

/// A user of this organization, with a name beyond ASCII.
#[must_use]
pub fn user(organization_id: &OrganizationId) -> UserRecord {
    UserRecord {
        id: user_id(),
        organization_id: organization_id.clone(),
        full_name: name("Zoë O'Brien-Łukasz"),
        access_role: AccessRole::parse("SALES_REP").ok(),
    }
}

/// A voice-enabled, synced agent of this organization.
#[must_use]
pub fn agent(organization_id: &OrganizationId) -> Agent {
    Agent {
        id: agent_id(),
        organization_id: organization_id.clone(),
        name: name("Réception \"Nuit\""),
        voice_enabled: true,
        provider_agent_id: Some(provider_agent_id()),
    }
}

/// The carriers whose numbers serve the calls of the providers of this crate.
pub const SERVED_CARRIERS: &[Carrier] = &[Carrier::named("sinch"), Carrier::named("own-trunk")];

/// A carrier that no other test has.
#[must_use]
pub fn carrier() -> Carrier {
    let digit = |digit: char| char::from(b'a' + u8::try_from(digit.to_digit(16).unwrap_or(0)).unwrap_or(0));
    let letters: String = call_id().as_str().chars().map(digit).collect();
    Carrier::parse(&format!("c-{}", &letters[..letters.len().min(30)])).expect("a carrier's name")
}

/// A number of this user that serves AI calls and is on the trunk, at this position among the
/// user's numbers.
#[must_use]
pub fn number(user: &UserRecord, position: u32) -> NumberRecord {
    let number = CallerNumber {
        organization_id: user.organization_id.clone(),
        user_id: user.id.clone(),
        phone_number: phone_number(),
        carrier: SERVED_CARRIERS[0].clone(),
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: Some(provider_number_id()),
    };
    NumberRecord { number, position }
}

/// A contact of this organization with an id, a number, and names beyond ASCII.
#[must_use]
pub fn contact(organization_id: &OrganizationId) -> ContactRecord {
    ContactRecord {
        identity: ContactIdentity::Known(contact_id()),
        organization_id: organization_id.clone(),
        first_name: Some(name("Ñandú 'Bobby'; --")),
        last_name: Some(name("Æsir 李 👩‍🚀")),
        phone_number: Some(phone_number()),
        place: ContactPlace::default(),
    }
}

/// The contact that `ContactRepo` returns for a record. For a record without an id, as long as the
/// contact is new.
#[must_use]
pub fn stored_contact(record: &ContactRecord) -> Contact {
    let (ContactIdentity::Known(id) | ContactIdentity::ByPhoneNumber { new_id: id }) = &record.identity;
    Contact {
        id: id.clone(),
        organization_id: record.organization_id.clone(),
        first_name: record.first_name.clone(),
        last_name: record.last_name.clone(),
        phone_number: record.phone_number.clone(),
    }
}

/// A context with every field.
#[must_use]
pub fn context() -> CallContext {
    CallContext {
        identity: CallIdentity {
            call_id: call_id(),
            organization_id: organization_id(),
            user_id: user_id(),
            contact_id: contact_id(),
            agent_id: agent_id(),
            from: phone_number(),
            to: phone_number(),
        },
        conversation_id: conversation_id(),
        provider_agent_id: provider_agent_id(),
        reason: Some(reason()),
        carrier_call_id: Some(carrier_call_id()),
        started_at: moment(),
    }
}

/// The context of an inbound call, with every field.
#[must_use]
pub fn inbound_context() -> InboundContext {
    InboundContext {
        conversation_id: conversation_id(),
        organization_id: organization_id(),
        user_id: user_id(),
        contact_id: Some(contact_id()),
        provider_agent_id: Some(provider_agent_id()),
        caller: phone_number(),
        called: phone_number(),
        started_at: moment(),
    }
}

/// A recording of this call, larger than 4 GiB.
#[must_use]
pub fn recording(call_id: &CallId, format: AudioFormat) -> Recording {
    let key = RecordingKey::of(call_id, format);
    Recording { key, format, size_bytes: 5_000_000_001, stored_at: moment() }
}

/// An endpoint of this organization for every kind of event. Its URL has a port, escapes, a query
/// with a token, and a fragment.
///
/// # Panics
/// Never: the URL is one.
#[must_use]
pub fn webhook_endpoint(organization_id: &OrganizationId) -> WebhookEndpoint {
    let url = format!("https://hooks.example:8443/Outdial/%7Bin%7D?token='{}'&a=b#c", next());
    WebhookEndpoint {
        id: webhook_endpoint_id(),
        organization_id: organization_id.clone(),
        url: WebhookUrl::parse(&url).expect("visible ASCII behind a scheme"),
        kinds: CallEventKind::ALL.to_vec(),
        secret: webhook_secret(),
        previous_secret: None,
        suspension: None,
        created_at: moment(),
    }
}

/// A published event: the end of a call, with every field.
///
/// # Panics
/// Never: the sequence is positive.
#[must_use]
pub fn call_event() -> CallEvent {
    let identity = context().identity;
    CallEvent {
        sequence: EventSequence::from_number(i64::from(next()) + 1).expect("positive"),
        id: EventId::of(&identity.call_id, CallEventKind::Ended, CallStatus::Completed),
        kind: CallEventKind::Ended,
        identity,
        status: CallStatus::Completed,
        end_reason: Some(EndReason::Voicemail),
        conversation_id: Some(conversation_id()),
        metadata: Some(metadata()),
        happened_at: moment(),
    }
}

/// The first attempt to send an event to this URL, with one secret.
#[must_use]
pub fn due_delivery(url: WebhookUrl) -> DueDelivery {
    DueDelivery {
        endpoint_id: webhook_endpoint_id(),
        url,
        secrets: vec![webhook_secret()],
        event: call_event(),
        attempt: 1,
        queued_at: moment(),
    }
}

/// A secret of 32 bytes, text and bytes that are not UTF-8.
///
/// # Panics
/// Never: it has the size of one.
#[must_use]
pub fn webhook_secret() -> WebhookSecret {
    let (secs, chance) = unique();
    let mut bytes = format!("{secs:08x}{:08x}", next()).into_bytes();
    bytes.extend([0, 0xff, 0x80, b'\'', b'\\', b'\n', 0xc3, 0x28]);
    bytes.extend(chance);
    WebhookSecret::from_bytes(&bytes).expect("32 bytes")
}

/// The provider's two ids of a call.
#[must_use]
pub fn provider_reference() -> ProviderReference {
    ProviderReference { conversation_id: Some(conversation_id()), carrier_call_id: Some(carrier_call_id()) }
}

/// A call with the provider's two ids.
#[must_use]
pub fn call_reference() -> CallReference {
    CallReference::new(call_id(), provider_reference())
}

/// A reason with text that is often changed by mistake: quotes, line breaks, a backslash, and
/// characters beyond ASCII.
#[must_use]
pub fn reason() -> CallReason {
    CallReason::parse("Rückruf: \"Termin\" am 3.\nO'Neil \\ 100 % – 予約\t✓")
        .expect("no forbidden characters")
}

/// Variables with a value of each type.
#[must_use]
pub fn variables() -> DynamicVariables {
    let text = VariableValue::Text("\"Zoë\"\n O'Neil \\ 予約".into());
    let values = [
        ("first_name", text),
        ("empty", VariableValue::Text("".into())),
        ("Amount2", VariableValue::Integer(-9_007_199_254_740_993)),
        ("rate", VariableValue::Decimal(0.1)),
        ("isNew", VariableValue::Boolean(true)),
    ];
    DynamicVariables::stored(values.map(|(name, value)| (name.to_owned(), value)))
}

/// Metadata with numbers that a reader of numbers would change, and keys that a sorted map would.
///
/// # Panics
/// Never: it is short.
#[must_use]
pub fn metadata() -> CallMetadata {
    let json = r#"{"z":[1.10,123456789012345678901],"a":{"é \" \\":null,"予約":"\u00e9\n"}}"#;
    CallMetadata::parse(json).expect("short")
}

/// A name.
///
/// # Panics
/// If the text is none.
#[must_use]
pub fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("the suites' names are short and plain")
}

/// A phone number in Toronto. Numbers repeat after some hundred thousand.
#[must_use]
pub fn phone_number() -> PhoneNumber {
    // Exchanges 220 to 289: none of them is a service code.
    let line = 2_200_000 + next() % 700_000;
    PhoneNumber::parse(&format!("+1416{line}")).expect("exchanges from 220 to 289 are valid in area 416")
}

/// A new intent key.
#[must_use]
pub fn key() -> IntentKey {
    IntentKey::new(&user_id(), &contact_id(), &agent_id(), &phone_number())
}

/// A new token.
#[must_use]
pub fn token() -> OwnerToken {
    let (secs, chance) = unique();
    OwnerToken::mint((u128::from(secs) << 64 | u128::from(u64::from_be_bytes(chance))).to_be_bytes())
}

/// A time in whole milliseconds, not in whole seconds.
#[must_use]
pub const fn moment() -> Timestamp {
    Timestamp::from_unix_millis(1_764_000_000_123)
}

#[cfg(test)]
mod tests;
