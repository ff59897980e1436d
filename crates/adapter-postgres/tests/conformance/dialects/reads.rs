//! The operations that read a store.

use std::time::Duration;

use domain::ports::{
    AgentRepo, AuditLog, AuditQuery, CallLookup, CallReader, CallUpdater, CallerNumberQuery, CallingPolicies,
    ContactRepo, DeliveryListQuery, DeliveryQueue, DirectoryQuery, DirectoryReader, EventFeed, FeedQuery,
    HistoryQuery, InboundDirectory, InboundQuery, NumberPool, OutboundDirectory, OutboundParties,
    OutboundQuery, PartiesLookup, Recipient, UserRepo, WebhookEndpoints,
};
use domain::{
    CallEvent, CallStatus, CallingFacts, DeliveryFilter, DeliveryRecord, DeliveryState, EventSequence,
    HistoryFilter, Timestamp,
};
use testkit::fixtures::{self, Tenant};
use testkit::memory::resolve_with_four_ports;

use super::both;
use super::world::World;

impl World {
    pub(super) async fn read_everything(&mut self) {
        for tenant in self.tenants.clone() {
            self.read_calls(&tenant).await;
            self.read_keys(&tenant).await;
            for _ in 0..4 {
                self.read_history(&tenant).await;
                self.locate(&tenant).await;
                self.read_deliveries(&tenant).await;
            }
            self.read_events(&tenant).await;
            self.read_policy(&tenant).await;
            self.read_directory(&tenant).await;
        }
    }

    async fn read_calls(&mut self, tenant: &Tenant) {
        for booking in self.bookings.clone() {
            let call_id = &booking.identity.call_id;
            both!(self, store => CallReader::find(store, &tenant.organization.id, call_id).await);
        }
    }

    async fn read_policy(&mut self, tenant: &Tenant) {
        let organization_id = &tenant.organization.id;
        both!(self, store => CallingPolicies::find(store, organization_id).await);
        let query = AuditQuery {
            organization_id: organization_id.clone(),
            before: self.random.perhaps(&[2]),
            action: None,
            limit: *self.random.pick(&[1, 200]),
        };
        both!(self, store => AuditLog::list(store, &query).await);
    }

    async fn read_history(&mut self, tenant: &Tenant) {
        let before = self.booking().map(|booking| (booking.booked_at, booking.identity.call_id));
        let filter = HistoryFilter {
            contact_id: self.random.perhaps(&[tenant.contact_id()]),
            user_id: self.random.perhaps(std::slice::from_ref(&tenant.user.id)),
            agent_id: self.random.perhaps(std::slice::from_ref(&tenant.agent.id)),
            to: self.random.perhaps(&tenant.contact.phone_number.iter().cloned().collect::<Vec<_>>()),
            statuses: (0..2).filter_map(|_| self.random.perhaps(&CallStatus::ALL)).collect(),
            from: self.booking().map(|it| it.booked_at).filter(|_| self.random.is_one_in(4)),
            until: self.booking().map(|it| it.booked_at).filter(|_| self.random.is_one_in(4)),
            before: before.filter(|_| self.random.is_one_in(2)),
            limit: *self.random.pick(&[1, 2, 200]),
            offset: *self.random.pick(&[0, 1]),
        };
        let count_up_to = *self.random.pick(&[1, 10_000]);
        let query = HistoryQuery { organization_id: tenant.organization.id.clone(), filter, count_up_to };
        both!(self, store => store.history(&query).await);
    }

    async fn locate(&mut self, tenant: &Tenant) {
        let booking = tenant.booking(Duration::ZERO);
        let (since, until) = (self.time(), self.time());
        let parties = PartiesLookup {
            one: booking.identity.to,
            other: booking.identity.from,
            provider_agent_id: tenant.agent.provider_agent_id.clone().expect("the agent is synced"),
            booked_since: since.min(until),
            booked_until: since.max(until),
        };
        let known = self.booking().map(|booking| booking.identity.call_id);
        let ids: Vec<_> = known.into_iter().chain([fixtures::call_id()]).collect();
        let named = self.random.pick(&ids).clone();
        let lookup = CallLookup {
            call_id: Some(named).filter(|_| self.random.is_one_in(4)),
            conversation_id: self.conversation_id(),
            parties: self.random.perhaps(&[parties]),
        };
        both!(self, store => store.locate(&lookup).await);
    }

    async fn read_events(&mut self, tenant: &Tenant) {
        let organization_id = tenant.organization.id.clone();
        both!(self, store => store.newest(&organization_id).await);
        let after = EventSequence::from_number(i64::try_from(self.random.below(20)).expect("below 20"));
        for (after, limit) in [(EventSequence::START, 10_000), (after.expect("positive"), 3)] {
            let query =
                FeedQuery { organization_id: organization_id.clone(), after, limit, wait: Duration::ZERO };
            both!(self, store => {
                let events = EventFeed::read(store, &query).await.expect("the store is up");
                events.into_iter().map(without_time).collect::<Vec<_>>()
            });
        }
    }

    async fn read_deliveries(&mut self, tenant: &Tenant) {
        let organization_id = tenant.organization.id.clone();
        both!(self, store => WebhookEndpoints::list(store, &organization_id).await);
        let ids: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
        let sequence = EventSequence::from_number(i64::try_from(self.random.below(20)).expect("below 20"));
        let before = self.random.perhaps(&ids).map(|id| (sequence.expect("positive"), id));
        let filter = DeliveryFilter {
            endpoint_id: self.random.perhaps(&ids),
            state: self.random.perhaps(&DeliveryState::ALL),
            before,
            limit: *self.random.pick(&[1, 3, 200]),
        };
        let query = DeliveryListQuery { organization_id, filter };
        both!(self, store => {
            let deliveries = DeliveryQueue::list(store, &query).await.expect("the store is up");
            deliveries.into_iter().map(without_times).collect::<Vec<_>>()
        });
    }

    async fn read_directory(&mut self, tenant: &Tenant) {
        let (other, contact_id) = (self.tenant(), tenant.contact_id());
        let (organization_id, own) = (&tenant.organization.id, &tenant.number.number.phone_number);
        let number = other.contact.phone_number.as_ref().expect("the contact has a number");
        both!(self, store => UserRepo::find(store, &tenant.user.id).await);
        both!(self, store => AgentRepo::find(store, organization_id, &other.agent.id).await);
        both!(self, store => store.default_for(organization_id).await);
        both!(self, store => ContactRepo::find(store, organization_id, &other.contact_id()).await);
        both!(self, store => store.find_by_number(organization_id, number).await);
        for recipient in [Recipient::Contact(&contact_id), Recipient::Number(number), Recipient::Number(own)]
        {
            for requested in [None, Some(own), Some(number)] {
                let query = CallerNumberQuery {
                    organization_id,
                    user_id: &tenant.user.id,
                    requested,
                    carriers: testkit::fixtures::SERVED_CARRIERS,
                    recipient,
                    list_numbers: false,
                };
                both!(self, store => store.choose(&query).await);
            }
        }
        for _ in 0..4 {
            self.resolve(tenant, &other).await;
        }
        for provider_agent_id in [None, tenant.agent.provider_agent_id.clone()] {
            let query = InboundQuery {
                called: own.clone(),
                caller: number.clone(),
                provider_agent_id,
                organization_id: None,
            };
            both!(self, store => store.identify(&query).await);
        }
        self.list_directory(tenant, &other).await;
    }

    /// The lists of the tenant, from the start, from its own records on, and from another tenant's.
    async fn list_directory(&mut self, tenant: &Tenant, other: &Tenant) {
        let count_up_to = *self.random.pick(&[1, 10_000]);
        for from in [None, Some(tenant), Some(other)] {
            let query = DirectoryQuery {
                organization_id: tenant.organization.id.clone(),
                after: from.map(|from| from.agent.id.clone()),
                limit: *self.random.pick(&[1, 2, 200]),
                count_up_to,
            };
            both!(self, store => DirectoryReader::agents(store, &query).await);
            let after = from.map(|from| from.number.number.phone_number.clone());
            let numbers = DirectoryQuery {
                organization_id: query.organization_id.clone(),
                after,
                limit: query.limit,
                count_up_to,
            };
            both!(self, store => DirectoryReader::numbers(store, &numbers).await);
            let contacts = DirectoryQuery {
                organization_id: query.organization_id.clone(),
                after: from.map(Tenant::contact_id),
                limit: query.limit,
                count_up_to,
            };
            both!(self, store => DirectoryReader::contacts(store, &contacts).await);
        }
    }
}

impl World {
    /// The parties of a call of the tenant's user, who may name what the other tenant has. They are
    /// what the four ports return.
    async fn resolve(&mut self, tenant: &Tenant, other: &Tenant) {
        let contacts = [tenant.contact_id(), other.contact_id()];
        let own = tenant.number.number.phone_number.clone();
        let numbers = [own, other.contact.phone_number.clone().expect("the contact has a number")];
        let (contact_id, number) = (self.random.pick(&contacts), self.random.pick(&numbers));
        let agent_id = self.random.perhaps(&[tenant.agent.id.clone(), other.agent.id.clone()]);
        let requested_number = self.random.perhaps(&numbers);
        let query = OutboundQuery {
            user_id: &tenant.user.id,
            recipient: *self.random.pick(&[Recipient::Contact(contact_id), Recipient::Number(number)]),
            agent_id: agent_id.as_ref(),
            requested_number: requested_number.as_ref(),
            carriers: fixtures::SERVED_CARRIERS,
            list_numbers: self.random.is_one_in(2),
            subject: None,
            purpose: None,
            now: fixtures::moment(),
            count_calls: None,
        };
        both!(self, store => {
            let expected = resolve_with_four_ports((store, store, store, store), &query).await.map(sorted);
            let found = store.resolve(&query).await.map(sorted);
            // The four ports know no facts about calling.
            let parties = found.clone().map(|found| {
                found.map(|parties| OutboundParties { calling: CallingFacts::default(), ..parties })
            });
            assert_eq!(parties, expected, "seed {} step {}", self.seed, self.step);
            found
        });
    }
}

/// The numbers of an organization come in any order.
fn sorted(mut parties: Option<OutboundParties>) -> Option<OutboundParties> {
    parties.iter_mut().for_each(|parties| parties.numbers.organization_numbers.sort());
    parties
}

/// Each store takes the time from its own clock.
fn without_time(event: CallEvent) -> CallEvent {
    CallEvent { happened_at: Timestamp::from_unix_millis(0), ..event }
}

fn without_times(delivery: DeliveryRecord) -> DeliveryRecord {
    let zero = |_| Timestamp::from_unix_millis(0);
    DeliveryRecord {
        queued_at: Timestamp::from_unix_millis(0),
        next_attempt_at: delivery.next_attempt_at.map(zero),
        concluded_at: delivery.concluded_at.map(zero),
        ..delivery
    }
}
