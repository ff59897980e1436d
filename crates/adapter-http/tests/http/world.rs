//! The ports of the gateway under test: a store in memory with one organization, and a provider
//! that places every call.

use std::sync::Arc;
use std::time::Duration;

use adapter_http::EventIntake;
use domain::ports::{
    EventFeed, EventInbox, IdempotencyLock, Identifiers, InboundDirectory, MockIdentifiers,
    MockOutboundDirectory, MockUserRepo, MockVendorAccess, MockVoiceWorkspace, MockWebhookSender,
    OutboundDirectory, RecordingStore, SendOutcome, UserRepo, VendorFailure, VoiceProvider, VoiceWorkspace,
    WebhookSender,
};
use domain::{
    AccessRole, Agent, AgentId, CallEvent, CallId, CallPolicy, CalleeRecords, CalleeRecordsPorts,
    CallerNumber, Carrier, CarrierCallId, ConsentId, ContactId, ContactIdentity, ContactPlace, ContactRecord,
    ConversationId, DeliveryFailure, DestinationRules, DialOutcome, DirectoryRecord, EventSequence,
    FollowCalls, NumberRecord, Organization, OrganizationId, OrganizationSettings, OrganizationSettingsPorts,
    PersonName, PersonalizeCall, PersonalizeCallPorts, PhoneNumber, PlaceCall, PlaceCallPorts,
    ProviderAgentId, ProviderNumberId, ProviderReference, ReadCalls, ReadDirectory, ReceiveEvent,
    ReceiveEventPorts, RecordOptOut, RecordOptOutPorts, RefusalLog, SuppressionId, Timestamp, UserId,
    UserRecord, VendorSecret, VoiceConfig, VoiceConfigPorts, VoiceConfigSettings, WebhookEndpointId,
    WebhookRegistry, WebhookRegistryPorts, WebhookSecret,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, SERVED_CARRIERS};
use testkit::memory::{LedgerCall, Memory, OwnWebhooks, PlainCipher, Provider};
use testkit::rules::ScriptedRules;
use tokio::sync::Notify;

use crate::gated::Gated;
use crate::provider_webhook::ConstantlySigned;

/// The id of the first call that a gateway places.
pub(crate) const CALL_ID: &str = "64f0a1b2c3d4e5f6a7b8d111";
/// The time that the clock of a new world shows: 2023-11-14T22:13:20Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);

pub(crate) fn call_id() -> CallId {
    CallId::parse(CALL_ID).expect("a valid id")
}

/// The ports of a gateway.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) memory: Memory,
    pub(crate) provider: Provider,
    /// Is notified of every accepted event of the provider.
    pub(crate) accepted: Arc<Notify>,
    pub(crate) has_webhook_secret: bool,
    // The memory or the provider, unless a test replaces the port.
    pub(crate) users: Arc<dyn UserRepo>,
    pub(crate) outbound: Arc<dyn OutboundDirectory>,
    pub(crate) lock: Arc<dyn IdempotencyLock>,
    pub(crate) voice: Arc<dyn VoiceProvider>,
    pub(crate) inbox: Arc<dyn EventInbox>,
    pub(crate) feed: Arc<dyn EventFeed>,
    pub(crate) directory: Arc<dyn InboundDirectory>,
    pub(crate) recordings: Option<Arc<dyn RecordingStore>>,
    pub(crate) sender: Arc<dyn WebhookSender>,
    pub(crate) rules: ScriptedRules,
    pub(crate) workspace: Option<Arc<dyn VoiceWorkspace>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::starting_at(NOW));
        let memory = Memory::new(clock.clone());
        memory.import(&directory());
        let provider = Provider::new(DialOutcome::Placed(reference()));
        let mut sender = MockWebhookSender::new();
        sender.expect_check().returning(|_| Ok(()));
        let gone = SendOutcome::Failed { failure: DeliveryFailure::Status(410), retry_after: None };
        sender.expect_send_test().return_const(gone);
        let port = Arc::new(memory.clone());
        Self {
            clock,
            memory,
            accepted: Arc::default(),
            has_webhook_secret: true,
            users: port.clone(),
            outbound: port.clone(),
            lock: port.clone(),
            voice: Arc::new(provider.clone()),
            provider,
            inbox: port.clone(),
            feed: port.clone(),
            directory: port.clone(),
            recordings: Some(port),
            sender: Arc::new(sender),
            rules: ScriptedRules::default(),
            workspace: None,
        }
    }

    /// A world with these calls in its ledger.
    pub(crate) fn with_calls(calls: impl IntoIterator<Item = LedgerCall>) -> Self {
        let world = Self::new();
        world.memory.tables().calls.extend(calls);
        world
    }

    /// A world with these published events.
    pub(crate) fn with_events(events: impl IntoIterator<Item = CallEvent>) -> Self {
        let world = Self::new();
        world.memory.tables().events.extend(events);
        world
    }

    /// A world whose store is unavailable.
    pub(crate) fn lost() -> Self {
        let world = Self::new();
        world.memory.lose();
        world
    }

    /// A world whose store is unavailable. Users are found in another store.
    pub(crate) fn lost_except_users() -> Self {
        Self { users: Self::new().users, ..Self::lost() }
    }

    /// A world whose store is unavailable. The parties of a call are found in another store.
    pub(crate) fn lost_except_parties() -> Self {
        Self { outbound: Self::new().outbound, ..Self::lost() }
    }

    /// A world without the user of the token.
    pub(crate) fn without_user() -> Self {
        let world = Self::new();
        world.memory.tables().directory.users.clear();
        world
    }

    /// A world in which every search for a user or for parties panics: the mocks expect no call.
    pub(crate) fn panicking() -> Self {
        let outbound = Arc::new(MockOutboundDirectory::new());
        Self { users: Arc::new(MockUserRepo::new()), outbound, ..Self::new() }
    }

    /// A world whose phones ring until the test releases them.
    pub(crate) fn ringing() -> (Self, Gated<Provider>) {
        let world = Self::new();
        let phones = Gated::new(world.provider.clone());
        (Self { voice: Arc::new(phones.clone()), ..world }, phones)
    }

    /// Publishes an event with the next sequence number.
    pub(crate) async fn publish(&self, event: CallEvent) {
        self.memory.tables().events.push(CallEvent { sequence: EventSequence::START, ..event });
        assert_eq!(EventFeed::publish(&self.memory, 10).await, Ok(1));
    }

    pub(crate) fn place_call(&self) -> PlaceCall {
        let memory = Arc::new(self.memory.clone());
        let ports = PlaceCallPorts {
            directory: self.outbound.clone(),
            contacts: memory.clone(),
            lock: self.lock.clone(),
            ledger: memory.clone(),
            keys: memory.clone(),
            provider: self.voice.clone(),
            contexts: memory,
            clock: self.clock.clone(),
            identifiers: identifiers(),
            rules: Arc::new(self.rules.clone()),
        };
        PlaceCall::new(ports, CallPolicy::default(), DestinationRules::default())
            .with_holds(vec![Arc::new(self.memory.clone())])
    }

    pub(crate) fn read_calls(&self) -> ReadCalls {
        ReadCalls::new(self.users.clone(), Arc::new(self.memory.clone()), self.recordings.clone())
    }

    pub(crate) fn read_directory(&self) -> ReadDirectory {
        ReadDirectory::new(self.users.clone(), Arc::new(self.memory.clone()))
    }

    pub(crate) fn settings(&self) -> OrganizationSettings {
        let memory = Arc::new(self.memory.clone());
        OrganizationSettings::new(OrganizationSettingsPorts {
            users: self.users.clone(),
            policies: memory.clone(),
            audit: memory,
            rules: Arc::new(ScriptedRules {
                only_rule: Some("us-strict"),
                no_zone: Some("Mars/Olympus"),
                ..ScriptedRules::default()
            }),
            clock: self.clock.clone(),
        })
    }

    /// The vendor refuses the key `sk_refused`, and the webhook of a workspace cannot be registered.
    pub(crate) fn voice_config(&self) -> VoiceConfig {
        let mut access = MockVendorAccess::new();
        access.expect_workspace().returning(|key| {
            let is_refused = key.expose() == "sk_refused";
            let mut workspace = MockVoiceWorkspace::new();
            let answer = move || if is_refused { Err(VendorFailure::KeyRefused) } else { Ok(Vec::new()) };
            workspace.expect_numbers().returning(answer);
            workspace.expect_find_webhook().returning(|_| Err(VendorFailure::NotAllowed));
            Ok(Arc::new(workspace))
        });
        let memory = Arc::new(self.memory.clone());
        let ports = VoiceConfigPorts {
            users: self.users.clone(),
            store: memory.clone(),
            cipher: Arc::new(PlainCipher),
            directory: memory,
            access: Some(Arc::new(access)),
            accounts: Arc::new(OwnWebhooks::default()),
            identifiers: identifiers(),
            clock: self.clock.clone(),
        };
        let settings = VoiceConfigSettings {
            voice_provider: "simulator".into(),
            carriers: SERVED_CARRIERS.to_vec(),
            has_account: true,
            webhook_url: Some("https://gateway.example.com/{organizationId}".into()),
        };
        VoiceConfig::new(ports, settings)
    }

    pub(crate) fn refusals(&self) -> RefusalLog {
        RefusalLog::new(self.users.clone(), Arc::new(self.memory.clone()), self.clock.clone())
    }

    pub(crate) fn follow_calls(&self) -> FollowCalls {
        FollowCalls::new(self.users.clone(), self.feed.clone())
    }

    pub(crate) fn webhooks(&self) -> WebhookRegistry {
        let memory = Arc::new(self.memory.clone());
        WebhookRegistry::new(WebhookRegistryPorts {
            users: self.users.clone(),
            endpoints: memory.clone(),
            queue: memory,
            sender: self.sender.clone(),
            identifiers: identifiers(),
            clock: self.clock.clone(),
        })
    }

    pub(crate) fn events(&self) -> EventIntake {
        let ports = ReceiveEventPorts {
            webhook: Arc::new(ConstantlySigned),
            inbox: self.inbox.clone(),
            updater: Arc::new(self.memory.clone()),
            contexts: Arc::new(self.memory.clone()),
            opt_outs: Arc::new(self.opt_outs()),
            recordings: None,
            clock: self.clock.clone(),
        };
        EventIntake::new(Arc::new(ReceiveEvent::new(ports)), self.accepted.clone())
    }

    pub(crate) fn opt_outs(&self) -> RecordOptOut {
        let memory = Arc::new(self.memory.clone());
        let ports = RecordOptOutPorts {
            suppressions: memory.clone(),
            updater: memory.clone(),
            contexts: memory,
            identifiers: identifiers(),
            clock: self.clock.clone(),
        };
        RecordOptOut::new(ports, DestinationRules::default(), "opt_out")
    }

    pub(crate) fn callee_records(&self) -> CalleeRecords {
        let memory = Arc::new(self.memory.clone());
        let ports = CalleeRecordsPorts {
            users: self.users.clone(),
            contacts: memory.clone(),
            suppressions: memory.clone(),
            consents: memory,
            identifiers: identifiers(),
            clock: self.clock.clone(),
        };
        CalleeRecords::new(ports, DestinationRules::default())
    }

    pub(crate) fn personalize(&self) -> PersonalizeCall {
        let ports = PersonalizeCallPorts {
            webhook: Arc::new(ConstantlySigned),
            directory: self.directory.clone(),
            contexts: Arc::new(self.memory.clone()),
            clock: self.clock.clone(),
        };
        PersonalizeCall::new(ports, Duration::from_hours(24))
    }
}

/// The ids that the provider gives to a call.
pub(crate) fn reference() -> ProviderReference {
    ProviderReference {
        conversation_id: Some(ConversationId::parse("conv_1").expect("a valid id")),
        carrier_call_id: Some(CarrierCallId::parse("sip_1").expect("a valid id")),
    }
}

/// The first call has [`CALL_ID`]. The endpoints are `endpoint-1`, `endpoint-2` and so on; each byte
/// of a secret is the secret's number.
pub(crate) fn identifiers() -> Arc<dyn Identifiers> {
    let mut identifiers = MockIdentifiers::new();
    let mut first = Some(call_id());
    identifiers.expect_call_id().returning(move || first.take().unwrap_or_else(fixtures::call_id));
    identifiers.expect_contact_id().returning(fixtures::contact_id);
    let mut suppressions = 1_u32..;
    identifiers.expect_suppression_id().returning(move || {
        let number = suppressions.next().expect("the range has no end");
        SuppressionId::parse(&format!("suppression-{number}")).expect("a valid id")
    });
    identifiers.expect_consent_id().returning(|| ConsentId::parse("consent-1").expect("a valid id"));
    identifiers.expect_owner_token().returning(fixtures::token);
    let mut endpoints = 1_u32..;
    identifiers.expect_webhook_endpoint_id().returning(move || {
        let number = endpoints.next().expect("the range has no end");
        WebhookEndpointId::parse(&format!("endpoint-{number}")).expect("a valid id")
    });
    let mut secrets = 1_u8..;
    identifiers
        .expect_webhook_secret()
        .returning(move || WebhookSecret::mint([secrets.next().expect("few secrets"); 32]));
    identifiers.expect_tool_secret().returning(|| VendorSecret::mint([0xa5; 32]));
    Arc::new(identifiers)
}

/// An organization with a user, an agent, a caller number and a contact.
pub(crate) fn directory() -> Vec<DirectoryRecord> {
    vec![
        organization("o1"),
        user("u1"),
        agent("a1", Some("agent_1")),
        number("o1", "u1", "+14165550100"),
        contact("c1", "o1", Some("+14165550110")),
    ]
}

pub(crate) fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("a valid name")
}

pub(crate) fn organization_id(id: &str) -> OrganizationId {
    OrganizationId::parse(id).expect("a valid id")
}

pub(crate) fn organization(id: &str) -> DirectoryRecord {
    let organization = Organization { id: organization_id(id), name: name("Analytical Insurance") };
    DirectoryRecord::Organization(organization)
}

/// A user of the organization `o1`, without a role.
pub(crate) fn user(id: &str) -> DirectoryRecord {
    DirectoryRecord::User(user_record(id, None))
}

/// A user of the organization `o1`.
pub(crate) fn user_record(id: &str, access_role: Option<&str>) -> UserRecord {
    UserRecord {
        id: UserId::parse(id).expect("a valid id"),
        organization_id: organization_id("o1"),
        full_name: name("Grace Hopper"),
        access_role: access_role.map(|role| AccessRole::parse(role).expect("a role")),
    }
}

/// An agent of the organization `o1`.
pub(crate) fn agent(id: &str, provider_agent_id: Option<&str>) -> DirectoryRecord {
    DirectoryRecord::Agent(Agent {
        id: AgentId::parse(id).expect("a valid id"),
        organization_id: organization_id("o1"),
        name: name("Agent"),
        voice_enabled: true,
        provider_agent_id: provider_agent_id.map(|id| ProviderAgentId::parse(id).expect("a valid id")),
    })
}

pub(crate) fn number(organization: &str, user: &str, phone_number: &str) -> DirectoryRecord {
    let number = CallerNumber {
        organization_id: organization_id(organization),
        user_id: UserId::parse(user).expect("a valid id"),
        phone_number: PhoneNumber::parse(phone_number).expect("a valid number"),
        carrier: Carrier::named("sinch"),
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: Some(ProviderNumberId::parse("phnum_1").expect("a valid id")),
    };
    DirectoryRecord::Number(NumberRecord { number, position: 0 })
}

pub(crate) fn contact(id: &str, organization: &str, phone_number: Option<&str>) -> DirectoryRecord {
    DirectoryRecord::Contact(ContactRecord {
        identity: ContactIdentity::Known(ContactId::parse(id).expect("a valid id")),
        organization_id: organization_id(organization),
        first_name: Some(name("Ada")),
        last_name: None,
        phone_number: phone_number.map(|number| PhoneNumber::parse(number).expect("a valid number")),
        place: ContactPlace::default(),
    })
}
