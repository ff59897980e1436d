//! A person of whom every table has something.

use std::time::Duration;

use domain::ports::{ClosedBody, HoldResult, IncomingEvent, Person, PersonKey};
use domain::{
    AttemptCount, AudioFormat, Booking, CallEventKind, CallId, CallMetadata, CallReason, CallStatus,
    CallSubject, CallUpdate, ConsentRecord, ContactId, ContactIdentity, DialOutcome, DirectoryRecord,
    PhoneNumber, PrivateNote, ProviderReference, RecordNote, Recording, Speaker, Suppression, TranscriptLine,
    UpdateContent,
};

use crate::call_events::{endpoint, merge, publish};
use crate::call_ledger::booking::{book, settle};
use crate::call_updates::bare_conversation;
use crate::fixtures::{
    Tenant, consent, conversation_id, keyed_request, moment, name, provider_reference, recording, suppression,
};
use crate::harness::PersonalDataHarness;

use super::person;

/// Texts that no one else's data has: names, what was said and written.
pub(super) const PRIVATE: [&str; 8] =
    ["Ottoline", "Featherstone", "quince", "walnut", "damson", "marzipan", "sorrel", "mandrake"];

const RESERVATION: Duration = Duration::from_secs(12);
const LONG: Duration = Duration::from_secs(120);

pub(super) struct Stored {
    pub(super) tenant: Tenant,
    pub(super) booking: Booking,
    pub(super) reference: ProviderReference,
}

impl Stored {
    /// A person with one call that has ended, and whose reservation has expired.
    pub(super) async fn new(harness: &impl PersonalDataHarness) -> Self {
        let stored = Self::with_running_call(harness).await;
        stored.end_call(harness).await;
        harness.pass(LONG).await;
        stored
    }

    /// The same while the phone rings.
    pub(super) async fn with_running_call(harness: &impl PersonalDataHarness) -> Self {
        let mut tenant = Tenant::new();
        tenant.contact.first_name = Some(name("Ottoline"));
        tenant.contact.last_name = Some(name("Featherstone"));
        harness.store(&tenant.records()).await;
        endpoint(harness, &tenant, &CallEventKind::ALL).await;
        let booking = booking(&tenant);
        assert_eq!(book(harness, &booking).await, HoldResult::Granted);
        let stored = Self { tenant, booking, reference: provider_reference() };
        stored.opt_out(harness).await;
        stored
    }

    /// Ends the call, publishes its events, and stores what the provider sent.
    pub(super) async fn end_call(&self, harness: &impl PersonalDataHarness) {
        let outcome = DialOutcome::Placed(self.reference.clone());
        settle(harness, &self.booking, &outcome, RESERVATION).await;
        merge(harness, &self.booking, &said()).await;
        let call_id = &self.booking.identity.call_id;
        harness.updater().attach_recording(call_id, &self.recording()).await.expect("store is up");
        publish(harness).await;
        self.receive(harness, "of the call", &self.event("mandrake"), Some(call_id)).await;
        self.receive(harness, "of an inbound call", &self.event("mandrake"), None).await;
    }

    /// Stores a provider event, and closes it.
    pub(super) async fn receive(
        &self,
        harness: &impl PersonalDataHarness,
        key: &str,
        body: &str,
        call_id: Option<&CallId>,
    ) {
        let key = self.accept(harness, key, body).await;
        let closed = harness.inbox().close(&key, call_id.cloned(), ClosedBody::Kept).await;
        closed.expect("store is up");
    }

    /// Stores a provider event. Returns its key.
    pub(super) async fn accept(&self, harness: &impl PersonalDataHarness, key: &str, body: &str) -> String {
        let key = format!("{} {key}", self.tenant.organization.id);
        let event = IncomingEvent {
            key: &key,
            organization_id: None,
            kind: "a-kind",
            body: body.as_bytes(),
            received_at: moment(),
        };
        harness.inbox().accept(&event).await.expect("store is up");
        key
    }

    /// A provider event that names the person.
    pub(super) fn event(&self, text: &str) -> String {
        let agent = self.tenant.agent.provider_agent_id.as_ref().expect("the agent is at the provider");
        format!(r#"{{"agent":"{agent}","caller":"{}","text":"{text}"}}"#, self.number().as_e164())
    }

    /// An opt-out of the number, one of the contact, and a consent.
    async fn opt_out(&self, harness: &impl PersonalDataHarness) {
        let home = &self.tenant.organization.id;
        let note = RecordNote::parse("sorrel").expect("a note");
        let of_number = Suppression {
            phone_number: Some(self.number()),
            reason: Some(note.clone()),
            conversation_id: Some(conversation_id()),
            ..suppression(Some(home))
        };
        let of_contact = Suppression {
            phone_number: None,
            contact_id: Some(self.contact_id()),
            ..suppression(Some(home))
        };
        for suppression in [of_number, of_contact] {
            harness.suppressions().add_suppression(&suppression).await.expect("store is up");
        }
        let consent =
            ConsentRecord { phone_number: Some(self.number()), evidence: Some(note), ..consent(home) };
        harness.consents().add_consent(&consent).await.expect("store is up");
    }

    pub(super) fn number(&self) -> PhoneNumber {
        self.tenant.contact.phone_number.clone().expect("the contact has a number")
    }

    pub(super) fn contact_id(&self) -> ContactId {
        self.tenant.contact_id()
    }

    pub(super) fn recording(&self) -> Recording {
        recording(&self.booking.identity.call_id, AudioFormat::Mp3)
    }

    pub(super) fn by_number(&self) -> Person {
        person(&self.tenant.organization.id, PersonKey::Number(self.number()))
    }

    pub(super) fn by_contact(&self) -> Person {
        person(&self.tenant.organization.id, PersonKey::Contact(self.contact_id()))
    }

    /// The contact as it is imported again.
    pub(super) fn contact_record(&self) -> DirectoryRecord {
        let mut record = self.tenant.contact.clone();
        record.identity = ContactIdentity::Known(self.contact_id());
        DirectoryRecord::Contact(record)
    }
}

fn booking(tenant: &Tenant) -> Booking {
    let mut booking = Booking {
        reason: Some(CallReason::parse("quince").expect("a reason")),
        metadata: Some(CallMetadata::parse(r#"{"order":"walnut"}"#).expect("short")),
        keyed: Some(keyed_request()),
        ..tenant.booking(RESERVATION)
    };
    booking.conditions.subject = Some(CallSubject::parse("damson").expect("a subject"));
    booking.conditions.attempt = Some(AttemptCount { caps: Vec::new(), remember_for: LONG });
    booking
}

/// What the provider recorded of the call.
pub(super) fn said() -> CallUpdate {
    let mut update = bare_conversation(CallStatus::Completed);
    if let UpdateContent::Conversation(conversation) = &mut update.content {
        let text = PrivateNote::parse("I want the marzipan").expect("a note");
        conversation.summary = Some(text.clone());
        conversation.transcript = vec![TranscriptLine { at_secs: 3, speaker: Speaker::Callee, text }];
        conversation.duration_secs = Some(41);
        conversation.cost_credits = Some(17);
        conversation.has_recording = true;
    }
    update
}

/// Whether a text shows the person.
pub(super) fn shows(text: &str, stored: &Stored) -> bool {
    text.contains(stored.number().digits()) || PRIVATE.into_iter().any(|private| text.contains(private))
}
