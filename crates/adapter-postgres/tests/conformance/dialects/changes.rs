//! The operations that change a store.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::{
    AttemptConclusion, CallLedger, CallUpdater, CallingPolicies, ClosedBody, ContactRepo, DeliveryLease,
    DeliveryQueue, EventFeed, EventInbox, HoldResult, InboxLease, IncomingEvent, OverdueLease, PolicyChange,
    ReplayQuery, Settlement, UnfinishedCalls, UnrecordedLease, WebhookEndpoints,
};
use domain::{
    Analysis, AnswerTime, AudioFormat, Booking, CallEventKind, CallFailure, CallIdentity, CallStatus,
    CallUpdate, CallingPolicy, CarrierStatus, CollectedValue, ContactIdentity, ContactRecord,
    ConversationRecord, CriterionResult, DeliveryFailure, DialOutcome, DirectoryRecord, EndReason,
    EndpointChange, EndpointSuspension, EventSequence, GivenUp, GivenUpReason, GoalResult,
    NotConnectedReason, NotDialledReason, PrivateNote, ProviderCause, ProviderCode, ProviderReference,
    RecordingReport, Sending, Speaker, SuspensionReason, Timestamp, TranscriptLine, UnknownCause,
    UpdateContent, WebhookEndpoint,
};
use testkit::fixtures;

use super::world::{HOUR, World};
use super::{both, result_of_both};

/// More than there is of anything.
const ALL: u32 = 10_000;

impl World {
    pub(super) async fn change(&mut self) {
        self.step += 1;
        match self.random.below(21) {
            0..=2 => self.book().await,
            3..=4 => self.settle().await,
            5..=7 => self.merge().await,
            8 => self.attach_recording().await,
            9 => self.publish().await,
            10 => self.change_endpoints().await,
            11 => self.deliver().await,
            12 => self.replay().await,
            13..=14 => self.lease_unfinished().await,
            15..=16 => self.receive_event().await,
            17 => self.remove_reservations().await,
            18 => self.change_policy().await,
            19 => self.change_keys().await,
            _ => self.change_directory().await,
        }
    }

    async fn book(&mut self) {
        let (tenant, call_id, booked_at) = (self.tenant(), self.call_id(), self.time());
        let template = tenant.booking(self.duration());
        let identity = CallIdentity { call_id, ..template.identity };
        let key = self.random.pick(&self.keys).clone();
        let keyed = self.keyed();
        let booking = Booking { identity, key, booked_at, keyed, ..template };
        let result =
            result_of_both!(self, store => whole_hours(store.book(&booking).await.expect("the store is up")));
        if result == HoldResult::Granted {
            self.bookings.push(booking);
        }
    }

    async fn settle(&mut self) {
        let Some(booking) = self.booking() else { return };
        let (conversation_id, carrier_call_id) = (self.conversation_id(), self.carrier_call_id());
        let reference = ProviderReference { conversation_id, carrier_call_id };
        let reason = *self.random.pick(&NotConnectedReason::ALL);
        let outcome = match self.random.below(4) {
            0 => DialOutcome::Placed(reference),
            1 => DialOutcome::NotConnected { reference, reason, code: self.cause().code },
            2 => DialOutcome::NotDialled(NotDialledReason::Unavailable),
            _ => DialOutcome::Unknown(UnknownCause::TimedOut),
        };
        let answer_time = *self.random.pick(&[AnswerTime::AfterRinging, AnswerTime::BeforeRinging]);
        let token = if self.random.is_one_in(4) { fixtures::token() } else { booking.token };
        let settlement = Settlement {
            call_id: &booking.identity.call_id,
            key: &booking.key,
            token: &token,
            outcome: &outcome,
            status: CallStatus::after(&outcome, answer_time),
            hold_for: self.duration(),
            settled_at: self.time(),
        };
        both!(self, store => store.settle(&settlement).await);
    }

    async fn remove_reservations(&mut self) {
        both!(self, store => store.remove_expired(Duration::ZERO, ALL).await);
    }

    async fn merge(&mut self) {
        let Some(booking) = self.booking() else { return };
        let call_id = if self.random.is_one_in(10) { self.call_id() } else { booking.identity.call_id };
        let content = match self.random.below(6) {
            0 => UpdateContent::Failure(CallFailure {
                reason: *self.random.pick(&NotConnectedReason::ALL),
                at: self.time(),
                cause: self.cause(),
            }),
            1 => UpdateContent::Unresolved,
            2 => UpdateContent::GivenUp(GivenUp {
                at: self.time(),
                reason: *self.random.pick(&GivenUpReason::ALL),
            }),
            3 => UpdateContent::Recording(*self.random.pick(&RecordingReport::ALL)),
            _ => UpdateContent::Conversation(self.conversation()),
        };
        let (conversation_id, carrier_call_id) = (self.conversation_id(), self.carrier_call_id());
        let update = CallUpdate { conversation_id, carrier_call_id, content };
        both!(self, store => store.merge(&call_id, &update).await);
    }

    fn conversation(&mut self) -> ConversationRecord {
        let note = |text: &str| PrivateNote::parse(text).expect("plain text");
        let line = TranscriptLine { at_secs: 3, speaker: Speaker::Callee, text: note("\"ja\"\n予約 \\") };
        let times = [self.time(), self.time()];
        ConversationRecord {
            status: *self.random.pick(&CallStatus::ALL),
            duration_secs: self.random.perhaps(&[0, 42]),
            transcript: self.random.perhaps(&[vec![line]]).unwrap_or_default(),
            started_at: self.random.perhaps(&times),
            answered_at: self.random.perhaps(&times),
            ended_at: self.random.perhaps(&times),
            end_reason: self.random.perhaps(&EndReason::ALL),
            cause: self.cause(),
            summary: self.random.perhaps(&[note("a"), note("b")]),
            analysis: self.analysis(),
            agent_name: self.random.perhaps(&[fixtures::name("Zoë")]),
            cost_credits: self.random.perhaps(&[-5, i64::MAX]),
            is_truncated: self.random.is_one_in(2),
            has_recording: self.random.is_one_in(2),
        }
    }

    fn analysis(&mut self) -> Analysis {
        let note = |text: &str| PrivateNote::parse(text).expect("plain text");
        let json = self.random.perhaps(&[note("7"), note("\"予約\"")]);
        let collected = CollectedValue { id: note("a"), json, rationale: None };
        let result = *self.random.pick(&GoalResult::ALL);
        let criterion = CriterionResult { id: note("b"), result, rationale: Some(note("c")) };
        Analysis {
            goal: self.random.perhaps(&GoalResult::ALL),
            criteria: self.random.perhaps(&[vec![criterion]]).unwrap_or_default(),
            collected: self.random.perhaps(&[vec![collected]]).unwrap_or_default(),
        }
    }

    fn cause(&mut self) -> ProviderCause {
        let codes = ["busy", "client_disconnected"].map(ProviderCode::from_untrusted);
        let statuses = [404, 486].map(|number| CarrierStatus::from_number(number).expect("a status"));
        ProviderCause { code: self.random.perhaps(&codes), carrier_status: self.random.perhaps(&statuses) }
    }

    async fn attach_recording(&mut self) {
        let Some(booking) = self.booking() else { return };
        let format = *self.random.pick(&AudioFormat::ALL);
        let recording = fixtures::recording(&booking.identity.call_id, format);
        both!(self, store => store.attach_recording(&booking.identity.call_id, &recording).await);
    }

    async fn publish(&mut self) {
        let limit = *self.random.pick(&[1, 3, ALL]);
        both!(self, store => store.publish(limit).await);
    }

    async fn change_endpoints(&mut self) {
        let tenant = self.tenant();
        let known = self.random.perhaps(&self.endpoints);
        let (secret, until) = (fixtures::webhook_secret(), self.time());
        let owner = known.as_ref().map(|endpoint| endpoint.organization_id.clone());
        let owner = owner.filter(|_| !self.random.is_one_in(4)).unwrap_or(tenant.organization.id.clone());
        match (self.random.below(6), known) {
            (4 | 5, Some(endpoint)) => {
                let urls: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.url.clone()).collect();
                let since = self.time();
                let suspended = SuspensionReason::ALL
                    .map(|reason| Sending::Suspended(EndpointSuspension { reason, since }));
                let change = EndpointChange {
                    url: self.random.perhaps(&urls),
                    kinds: self.random.perhaps(&[vec![CallEventKind::Ended]]),
                    sending: self.random.perhaps(&[Sending::Active, suspended[0], suspended[1]]),
                };
                // Twice, as after a lost response.
                for _ in 0..2 {
                    both!(self, store => store.change(&owner, &endpoint.id, &change).await);
                }
            }
            (0, Some(endpoint)) => {
                both!(self, store => store.remove(&owner, &endpoint.id).await);
            }
            (1, Some(endpoint)) => {
                // Twice, as after a lost response.
                for _ in 0..2 {
                    both!(self, store => store.replace_secret(&owner, &endpoint.id, &secret, until).await);
                }
            }
            (_, known) => {
                let kinds = self.random.perhaps(&[vec![CallEventKind::Ended]]);
                let new = WebhookEndpoint {
                    kinds: kinds.unwrap_or_else(|| CallEventKind::ALL.to_vec()),
                    ..fixtures::webhook_endpoint(&tenant.organization.id)
                };
                let endpoint = known.unwrap_or(new);
                both!(self, store => store.register(&endpoint, 2).await);
                self.endpoints.push(endpoint);
            }
        }
    }

    /// Leases everything that is due, concludes some of it, and expires what is not leased.
    async fn deliver(&mut self) {
        let lease = DeliveryLease {
            limit: ALL,
            per_endpoint: ALL,
            per_organization: ALL,
            running: BTreeMap::new(),
            lease_for: self.duration(),
        };
        let (postgres, sqlite) = (&self.postgres, &self.sqlite);
        let mut in_postgres = DeliveryQueue::lease(postgres, &lease).await.expect("the store is up");
        let mut in_sqlite = DeliveryQueue::lease(sqlite, &lease).await.expect("the store is up");
        // Deliveries that were queued together are due together, in any order.
        for due in [&mut in_postgres, &mut in_sqlite] {
            due.sort_by(|a, b| (a.event.sequence, &a.endpoint_id).cmp(&(b.event.sequence, &b.endpoint_id)));
        }
        assert_eq!(in_postgres.len(), in_sqlite.len(), "seed {} step {}", self.seed, self.step);
        for (one, other) in in_postgres.into_iter().zip(in_sqlite) {
            let mut expected = one.clone();
            (expected.queued_at, expected.event.happened_at) = (other.queued_at, other.event.happened_at);
            assert_eq!(expected, other, "seed {} step {}", self.seed, self.step);
            let failure = *self.random.pick(&[DeliveryFailure::TimedOut, DeliveryFailure::Status(500)]);
            let at = self.time();
            let conclusion = match self.random.below(5) {
                0 => AttemptConclusion::Delivered,
                1 => AttemptConclusion::Postponed { failure, pause: self.duration() },
                2 => AttemptConclusion::GivenUp { failure },
                3 => AttemptConclusion::ReceiverGone { failure, at },
                _ => continue,
            };
            self.postgres.conclude(&one, conclusion).await.expect("the store is up");
            self.sqlite.conclude(&other, conclusion).await.expect("the store is up");
        }
        if self.random.is_one_in(3) {
            let queued_for = self.duration();
            both!(self, store => store.expire(queued_for, ALL).await);
        }
    }

    async fn replay(&mut self) {
        let (organizations, endpoints): (Vec<_>, Vec<_>) = (
            self.tenants.iter().map(|tenant| tenant.organization.id.clone()).collect(),
            self.endpoints.iter().map(|endpoint| endpoint.id.clone()).collect(),
        );
        let after = [1, 5].map(|number| EventSequence::from_number(number).expect("positive"));
        let query = ReplayQuery {
            organization_id: self.random.perhaps(&organizations),
            endpoint_id: self.random.perhaps(&endpoints),
            after: self.random.perhaps(&after),
            delivered_too: self.random.is_one_in(2),
        };
        both!(self, store => store.replay(&query).await);
    }

    /// Leases last longer than the test: which of two expired leases is the older one depends on
    /// the clock of each store.
    async fn lease_unfinished(&mut self) {
        let (now, limit) = (self.time().after(HOUR), *self.random.pick(&[1, 1, 2, ALL]));
        let overdue = OverdueLease {
            now,
            undecided_before: self.time().after(Duration::from_secs(2)),
            unended_before: self.time().after(Duration::from_secs(2)),
            given_up_before: self.random.perhaps(&[fixtures::moment()]).unwrap_or(self.time()),
            limit,
            lease_for: HOUR,
        };
        let unrecorded = UnrecordedLease {
            now,
            booked_before: self.time().after(Duration::from_secs(1)),
            given_up_before: Timestamp::from_unix_millis(0),
            limit,
            lease_for: HOUR,
        };
        both!(self, store => store.lease_overdue(&overdue).await);
        both!(self, store => store.lease_unrecorded(&unrecorded).await);
    }

    async fn receive_event(&mut self) {
        let key = *self.random.pick(&["a", "b", "c"]);
        let (body, received_at) = (*self.random.pick(&[b"1".as_slice(), b"22"]), self.time());
        let event = IncomingEvent { key, kind: "post_call", body, received_at, organization_id: None };
        both!(self, store => store.accept(&event).await);
        // All: which of two events is open for longer depends on the clock of each store.
        let lease = InboxLease { recent_since: self.time(), limit: ALL, lease_for: self.duration() };
        both!(self, store => EventInbox::lease(store, &lease).await);
        let call_id = self.booking().map(|booking| booking.identity.call_id);
        let closed_body = *self.random.pick(&[ClosedBody::Kept, ClosedBody::Dropped]);
        let (pause, is_closed) = (self.duration(), self.random.is_one_in(4));
        both!(self, store => if is_closed {
            EventInbox::close(store, key, call_id.clone(), closed_body).await
        } else {
            store.postpone(key, pause).await
        });
    }

    async fn change_policy(&mut self) {
        let tenant = self.tenant();
        let change = PolicyChange {
            policy: match self.random.is_one_in(2) {
                true => fixtures::calling_policy(),
                false => CallingPolicy::default(),
            },
            expected_revision: self.random.below(3),
            organization_id: tenant.organization.id,
            user_id: tenant.user.id,
            at: self.time(),
        };
        both!(self, store => store.put(&change).await);
    }

    async fn change_directory(&mut self) {
        let (tenant, other) = (self.tenant(), self.tenant());
        let new_id = fixtures::contact_id();
        let number = tenant.contact.phone_number.clone().unwrap_or_else(fixtures::phone_number);
        let number = if self.random.is_one_in(2) { number } else { fixtures::phone_number() };
        let record = match self.random.below(6) {
            0 => {
                let organization_id = &tenant.organization.id;
                let created = result_of_both!(self, store => {
                    store.find_or_create(organization_id, &number, &new_id).await
                });
                created.expect("the store is up");
                return;
            }
            1 => {
                let mut agent = tenant.agent;
                (agent.voice_enabled, agent.organization_id) =
                    (self.random.is_one_in(2), other.organization.id);
                DirectoryRecord::Agent(agent)
            }
            2 => {
                let mut record =
                    fixtures::number(&tenant.user, u32::try_from(self.random.below(3)).expect("3"));
                record.number.organization_id = other.organization.id;
                DirectoryRecord::Number(record)
            }
            3 => {
                let agent = fixtures::agent(&tenant.organization.id);
                DirectoryRecord::Agent(domain::Agent { provider_agent_id: None, ..agent })
            }
            4 => DirectoryRecord::Contact(ContactRecord {
                identity: ContactIdentity::ByPhoneNumber { new_id },
                phone_number: Some(number),
                ..fixtures::contact(&tenant.organization.id)
            }),
            _ => DirectoryRecord::Contact(ContactRecord {
                organization_id: other.organization.id,
                first_name: None,
                phone_number: Some(number),
                ..tenant.contact
            }),
        };
        self.import(&[record]).await;
    }
}

/// The time that remains depends on the moment of the statement, so that it is rounded.
fn whole_hours(result: HoldResult) -> HoldResult {
    match result {
        HoldResult::InFlight { .. } => HoldResult::InFlight { remaining: HOUR },
        HoldResult::Undecided { .. } => HoldResult::Undecided { remaining: HOUR },
        result => result,
    }
}
