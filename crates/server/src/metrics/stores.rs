//! The operations of the database on the way of a call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, ContactRepo, CountQuery, HoldResult, IdempotencyKeys, IntentHolds, KeyBinding, KeyedCall,
    OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Settlement, UndecidedCall,
};
use domain::{Booking, Contact, ContactId, IdempotencyKey, IntentKey, OrganizationId, PhoneNumber, UserId};

use super::Registry;
use super::operation::Operation;
use super::table::{DATABASE_ERRORS, LOCK_ERRORS};

/// Counts the failures of the ledger. What workers do with it is not counted.
pub(crate) struct MeasuredLedger {
    ledger: Arc<dyn CallLedger>,
    book: Operation,
    undecided: Operation,
    settle: Operation,
    count_since: Operation,
}

impl MeasuredLedger {
    pub(crate) fn new(ledger: Arc<dyn CallLedger>, registry: &Registry) -> Self {
        let operation = |name| Operation::new(registry, &DATABASE_ERRORS, name);
        Self {
            ledger,
            book: operation("book"),
            undecided: operation("find_undecided"),
            settle: operation("settle"),
            count_since: operation("count_calls"),
        }
    }
}

#[async_trait]
impl CallLedger for MeasuredLedger {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        self.book.measure(self.ledger.book(booking)).await
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.undecided.measure(self.ledger.undecided(key)).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        self.settle.measure(self.ledger.settle(settlement)).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.ledger.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.count_since.measure(self.ledger.count_since(query)).await
    }
}

/// Counts the failures to read the parties.
pub(crate) struct MeasuredDirectory {
    directory: Arc<dyn OutboundDirectory>,
    resolve: Operation,
}

impl MeasuredDirectory {
    pub(crate) fn new(directory: Arc<dyn OutboundDirectory>, registry: &Registry) -> Self {
        Self { directory, resolve: Operation::new(registry, &DATABASE_ERRORS, "resolve") }
    }
}

#[async_trait]
impl OutboundDirectory for MeasuredDirectory {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        self.resolve.measure(self.directory.resolve(query)).await
    }
}

/// Counts the failures to create the contact of a new number.
pub(crate) struct MeasuredContacts {
    contacts: Arc<dyn ContactRepo>,
    create: Operation,
}

impl MeasuredContacts {
    pub(crate) fn new(contacts: Arc<dyn ContactRepo>, registry: &Registry) -> Self {
        Self { contacts, create: Operation::new(registry, &DATABASE_ERRORS, "create_contact") }
    }
}

#[async_trait]
impl ContactRepo for MeasuredContacts {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.contacts.find(organization_id, id).await
    }

    async fn find_by_number(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.contacts.find_by_number(organization_id, phone_number).await
    }

    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        self.create.measure(self.contacts.find_or_create(organization_id, phone_number, new_id)).await
    }
}

/// Counts the failures of idempotency keys.
pub(crate) struct MeasuredKeys {
    keys: Arc<dyn IdempotencyKeys>,
    find: Operation,
    bind: Operation,
}

impl MeasuredKeys {
    pub(crate) fn new(keys: Arc<dyn IdempotencyKeys>, registry: &Registry) -> Self {
        let operation = |name| Operation::new(registry, &DATABASE_ERRORS, name);
        Self { keys, find: operation("find_key"), bind: operation("bind_key") }
    }
}

#[async_trait]
impl IdempotencyKeys for MeasuredKeys {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable> {
        self.find.measure(self.keys.find(user, key)).await
    }

    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable> {
        self.bind.measure(self.keys.bind(binding)).await
    }

    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.keys.remove_ended(ended_for, limit).await
    }
}

/// Counts the failures to look at what holds an intent.
pub(crate) struct MeasuredHolds {
    holds: Arc<dyn IntentHolds>,
    look_at: Operation,
}

impl MeasuredHolds {
    pub(crate) fn of_database(holds: Arc<dyn IntentHolds>, registry: &Registry) -> Self {
        Self { holds, look_at: Operation::new(registry, &DATABASE_ERRORS, "find_holder") }
    }

    pub(crate) fn of_lock(holds: Arc<dyn IntentHolds>, registry: &Registry) -> Self {
        Self { holds, look_at: Operation::new(registry, &LOCK_ERRORS, "find_holder") }
    }
}

#[async_trait]
impl IntentHolds for MeasuredHolds {
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        self.look_at.measure(self.holds.look_at(key)).await
    }
}
