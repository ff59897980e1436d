use async_trait::async_trait;
use domain::ports::{
    ErasedCounts, Erasure, ErasureBlock, ErasureResult, Person, PersonKey, PersonalData, PersonalRecords,
    PortUnavailable, TableRecords,
};
use domain::{
    AuditAction, AuditRecord, CallId, CallStatus, ContactId, DynamicVariables, OrganizationId, PhoneNumber,
    RecordingKey, RequestDigest, Timestamp,
};
use serde_json::{Value, json};

use super::{InboxEvent, LedgerCall, Memory, Tables};

#[async_trait]
impl PersonalData for Memory {
    async fn export(&self, person: &Person) -> Result<PersonalRecords, PortUnavailable> {
        let tables = self.open()?;
        let found = Found::of(&tables, person);
        Ok(found.records(&tables))
    }

    async fn erase(&self, erasure: &Erasure) -> Result<ErasureResult, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let found = Found::of(&tables, &erasure.person);
        let block = found.block(&tables, now);
        if block != ErasureBlock::default() {
            return Ok(ErasureResult::Blocked(block));
        }
        let mut changed = tables.clone();
        let counts = found.erase(&mut changed, erasure);
        if !erasure.rehearse {
            *tables = changed;
        }
        Ok(ErasureResult::Erased(counts))
    }

    async fn recordings_to_remove(&self, limit: u32) -> Result<Vec<RecordingKey>, PortUnavailable> {
        Ok(self.open()?.recordings_to_remove.iter().take(limit as usize).cloned().collect())
    }

    async fn note_removed_recording(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        self.open()?.recordings_to_remove.retain(|stored| stored != key);
        Ok(())
    }
}

/// What belongs to a person.
struct Found {
    organization_id: Option<OrganizationId>,
    contacts: Vec<ContactId>,
    numbers: Vec<PhoneNumber>,
    /// Also those that are erased.
    calls: Vec<CallId>,
}

impl Found {
    fn of(tables: &Tables, person: &Person) -> Self {
        let tenant = person.organization_id.as_ref();
        let own = tables.directory.contacts.iter().filter(|it| Some(&it.organization_id) == tenant);
        let (is_theirs, others): (Vec<_>, Vec<_>) = own.partition(|contact| match &person.key {
            PersonKey::Number(number) => contact.phone_number.as_ref() == Some(number),
            PersonKey::Contact(id) => contact.id == *id,
        });
        let contacts: Vec<ContactId> = is_theirs.iter().map(|contact| contact.id.clone()).collect();
        let mut numbers: Vec<PhoneNumber> = person.key.number().into_iter().cloned().collect();
        let of_contacts = is_theirs.iter().filter_map(|contact| contact.phone_number.clone());
        numbers.extend(of_contacts.filter(|number| person.key.number() != Some(number)));
        let own_calls =
            || tables.calls.iter().filter(|call| Some(&call.booking.identity.organization_id) == tenant);
        for call in own_calls().filter(|call| contacts.contains(&call.booking.identity.contact_id)) {
            let to = &call.booking.identity.to;
            let is_of_other = others.iter().any(|other| other.phone_number.as_ref() == Some(to));
            if !is_of_other && !to.is_erased() && !numbers.contains(to) {
                numbers.push(to.clone());
            }
        }
        let is_theirs = |call: &&LedgerCall| {
            let identity = &call.booking.identity;
            contacts.contains(&identity.contact_id) || numbers.contains(&identity.to)
        };
        let calls = own_calls().filter(is_theirs).map(|call| call.booking.identity.call_id.clone()).collect();
        Self { organization_id: tenant.cloned(), contacts, numbers, calls }
    }

    /// Why nothing can be erased.
    fn block(&self, tables: &Tables, now: Timestamp) -> ErasureBlock {
        let has_ended = |call: &LedgerCall| {
            let progress = &call.progress;
            progress.given_up.is_some() || progress.status.is_some_and(CallStatus::is_final)
        };
        let holds = |id: &CallId| tables.reservations.values().any(|it| it.call_id == *id && it.until > now);
        let is_open = |id: &&CallId| {
            tables.call(id).is_some_and(|call| !call.is_erased() && (!has_ended(call) || holds(id)))
        };
        let mut calls: Vec<CallId> = self.calls.iter().filter(is_open).cloned().collect();
        calls.sort();
        let open_events = tables.inbox.iter().filter(|it| it.closed.is_none() && self.is_named(tables, it));
        ErasureBlock { calls, open_events: open_events.count() as u64 }
    }

    /// Whether a provider event has a number of the person, and an agent of the organization.
    fn is_named(&self, tables: &Tables, event: &InboxEvent) -> bool {
        let body = String::from_utf8_lossy(&event.event.body).into_owned();
        let is_of_tenant = self.organization_id.as_ref().is_none_or(|tenant| {
            let agents = tables.directory.agents.iter().filter(|it| it.organization_id == *tenant);
            let ids = agents.filter_map(|agent| agent.provider_agent_id.as_ref());
            ids.into_iter().any(|id| body.contains(id.as_str()))
        });
        is_of_tenant && self.numbers.iter().any(|number| body.contains(number.search_text()))
    }

    fn names_callee(&self, number: Option<&PhoneNumber>, contact_id: Option<&ContactId>) -> bool {
        number.is_some_and(|number| self.numbers.contains(number))
            || contact_id.is_some_and(|id| self.contacts.contains(id))
    }

    fn records(&self, tables: &Tables) -> PersonalRecords {
        let directory = &tables.directory;
        let contacts = directory.contacts.iter().filter(|it| self.contacts.contains(&it.id)).map(|it| {
            let number = it.phone_number.as_ref().map(PhoneNumber::as_e164);
            json!({ "id": it.id.as_str(), "phone_number": number,
                    "first_name": it.first_name.as_ref().map(|name| name.as_str()),
                    "last_name": it.last_name.as_ref().map(|name| name.as_str()) })
        });
        let calls: Vec<&LedgerCall> = self.calls.iter().filter_map(|id| tables.call(id)).collect();
        let shown = calls.iter().map(|call| {
            let (booking, conversation) = (&call.booking, call.progress.conversation.as_ref());
            let said = conversation
                .map(|it| it.transcript.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"));
            json!({ "id": booking.identity.call_id.as_str(), "to_number": booking.identity.to.as_e164(),
                    "reason": booking.reason.as_ref().map(|reason| reason.as_str()),
                    "metadata": booking.metadata.as_ref().map(|it| it.as_json()),
                    "subject": booking.conditions.subject.as_ref().map(|it| it.as_str()),
                    "decision": booking.conditions.decision.as_ref().map(|_| "{}"),
                    "transcript": said,
                    "summary": conversation.and_then(|it| it.summary.as_ref()).map(|it| it.as_str()) })
        });
        let of_calls = |id: &CallId| self.calls.contains(id);
        let events = tables.events.iter().filter(|it| of_calls(&it.identity.call_id));
        let events = events.map(|it| json!({ "call_id": it.identity.call_id.as_str() }));
        let deliveries = tables.deliveries.iter().filter(|it| of_calls(&it.event.identity.call_id));
        let deliveries = deliveries.map(|it| json!({ "endpoint_id": it.endpoint_id.as_str() }));
        let inbox = tables.inbox.iter().filter(|event| {
            let call_id = event.closed.as_ref().and_then(Option::as_ref);
            call_id.is_some_and(of_calls) || self.is_named(tables, event)
        });
        let inbox = inbox.map(|it| json!({ "body": String::from_utf8_lossy(&it.event.body) }));
        let tenant = self.organization_id.as_ref();
        let suppressions = directory.suppressions.iter().filter(|it| {
            let number = it.phone_number.as_ref().or_else(|| directory.erased_numbers.get(&it.id));
            it.organization_id.as_ref() == tenant && self.names_callee(number, it.contact_id.as_ref())
        });
        let suppressions = suppressions.map(|it| {
            json!({ "id": it.id.as_str(), "phone_number": it.phone_number.as_ref().map(PhoneNumber::as_e164),
                    "reason": it.reason.as_ref().map(|note| note.as_str()) })
        });
        let consents = directory.consents.iter().filter(|it| {
            Some(&it.organization_id) == tenant
                && self.names_callee(it.phone_number.as_ref(), it.contact_id.as_ref())
        });
        let consents = consents.map(|it| json!({ "id": it.id.as_str() }));
        let attempts = tables.attempts.iter().filter(|((organization_id, number, _), _)| {
            Some(organization_id) == tenant && self.numbers.contains(number)
        });
        let attempts = attempts.map(|((_, number, _), _)| json!({ "phone_number": number.as_e164() }));
        let rows = |table, rows: Vec<Value>| TableRecords {
            table,
            rows: rows.iter().map(ToString::to_string).collect(),
        };
        let tables = [
            rows("contacts", contacts.collect()),
            rows("calls", shown.collect()),
            rows("call_events", events.collect()),
            rows("webhook_deliveries", deliveries.collect()),
            rows("provider_events", inbox.collect()),
            rows("suppressions", suppressions.collect()),
            rows("consents", consents.collect()),
            rows("call_attempts", attempts.collect()),
        ];
        PersonalRecords {
            tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
            conversations: calls.iter().filter_map(|it| it.progress.conversation_id.clone()).collect(),
            recordings: calls
                .iter()
                .filter_map(|it| it.recording.as_ref())
                .map(|it| it.key.clone())
                .collect(),
        }
    }

    /// Erases in a copy of the tables.
    fn erase(&self, tables: &mut Tables, erasure: &Erasure) -> ErasedCounts {
        let mut counts =
            ErasedCounts { provider_events: self.erase_events(tables), ..self.erase_calls(tables) };
        self.erase_callee_records(tables, erasure.at, &mut counts);
        for contact in &mut tables.directory.contacts {
            let is_erased = contact.clone().without_personal_data() == *contact;
            if self.contacts.contains(&contact.id) && !is_erased {
                *contact = contact.clone().without_personal_data();
                tables.directory.places.remove(&contact.id);
                counts.contacts += 1;
            }
        }
        if let (Some(organization_id), false) = (&self.organization_id, counts.is_empty()) {
            tables.audit(AuditRecord {
                sequence: 0,
                organization_id: organization_id.clone(),
                at: erasure.at,
                user_id: None,
                action: AuditAction::PersonErased.as_str().into(),
                object_id: None,
                detail: Some(format!(r#"{{"calls":{}}}"#, counts.calls).into()),
            });
        }
        counts
    }

    fn erase_events(&self, tables: &mut Tables) -> u64 {
        let is_theirs: Vec<bool> = tables
            .inbox
            .iter()
            .map(|event| {
                let call_id = event.closed.as_ref().and_then(Option::as_ref);
                let is_of_call = call_id.is_some_and(|id| self.calls.contains(id));
                !event.event.body.is_empty() && (is_of_call || self.is_named(tables, event))
            })
            .collect();
        let erased = tables.inbox.iter_mut().zip(is_theirs).filter(|(_, is_theirs)| *is_theirs);
        erased.map(|(event, _)| event.event.body.clear()).count() as u64
    }

    fn erase_calls(&self, tables: &mut Tables) -> ErasedCounts {
        let mut counts = ErasedCounts::default();
        for id in &self.calls {
            tables.reservations.retain(|_, it| it.call_id != *id);
            for key in tables.keys.values_mut().filter(|it| it.call_id == *id) {
                key.digest = RequestDigest::erased();
            }
            let Some(call) = tables.call_mut(id).filter(|call| !call.is_erased()) else { continue };
            counts.calls += 1;
            call.erase();
            let recording = call.recording.take();
            if let Some(recording) = recording {
                counts.recordings += 1;
                tables.recordings_to_remove.push(recording.key);
            }
            let events = tables.events.iter_mut().chain(tables.deliveries.iter_mut().map(|it| &mut it.event));
            for event in events.filter(|event| event.identity.call_id == *id) {
                event.identity.to = PhoneNumber::erased();
                event.metadata = None;
            }
        }
        counts
    }

    fn erase_callee_records(&self, tables: &mut Tables, at: Timestamp, counts: &mut ErasedCounts) {
        let tenant = self.organization_id.as_ref();
        let directory = &mut tables.directory;
        let stored = directory.suppressions.len();
        directory.suppressions.retain(|it| {
            let is_theirs = it.organization_id.as_ref() == tenant
                && self.names_callee(it.phone_number.as_ref(), it.contact_id.as_ref());
            let is_kept = it.expires_at.is_none_or(|end| end > at)
                && (it.phone_number.is_some() || !self.numbers.is_empty());
            !is_theirs || is_kept
        });
        counts.suppressions += (stored - directory.suppressions.len()) as u64;
        for it in &mut directory.suppressions {
            let is_theirs = it.organization_id.as_ref() == tenant
                && self.names_callee(it.phone_number.as_ref(), it.contact_id.as_ref());
            if !is_theirs {
                continue;
            }
            counts.suppressions += 1;
            if let Some(number) = it.phone_number.take().or_else(|| self.numbers.first().cloned()) {
                directory.erased_numbers.insert(it.id.clone(), number);
            }
            it.number_is_erased = true;
            (it.contact_id, it.reason, it.conversation_id) = (None, None, None);
        }
        let stored = directory.consents.len();
        directory.consents.retain(|it| {
            Some(&it.organization_id) != tenant
                || !self.names_callee(it.phone_number.as_ref(), it.contact_id.as_ref())
        });
        counts.consents = (stored - directory.consents.len()) as u64;
        let stored = tables.attempts.len();
        tables.attempts.retain(|(organization_id, number, _), _| {
            Some(organization_id) != tenant || !self.numbers.contains(number)
        });
        counts.attempts = (stored - tables.attempts.len()) as u64;
    }
}

impl LedgerCall {
    /// Whether its callee was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.booking.identity.to.is_erased()
    }

    fn erase(&mut self) {
        let booking = &mut self.booking;
        booking.identity.to = PhoneNumber::erased();
        (booking.reason, booking.metadata) = (None, None);
        booking.variables = DynamicVariables::default();
        (booking.conditions.subject, booking.conditions.decision) = (None, None);
        let conversation = self.progress.conversation.take();
        self.progress.conversation = conversation.map(domain::ConversationRecord::without_personal_data);
        self.progress.recording = None;
    }
}
