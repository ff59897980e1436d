use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, HoldResult, IdempotencyKeys, KeyBinding, KeyedCall, KeyedDial, PortUnavailable, Settlement,
};
use domain::{Booking, CallId, CallStatus, DialOutcome, IdempotencyKey, UserId};
use testkit::memory::{KeyEntry, Reservation, Tables};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl IdempotencyKeys for BrokenStore {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable> {
        self.reach(key.as_hash()).await?;
        let owner = {
            let tables = self.memory.tables();
            let same = tables.keys.keys().find(|(_, stored)| stored == key);
            same.filter(|_| self.has(Flaw::SharesKeysAmongUsers)).map(|(owner, _)| owner.clone())
        };
        let mut found = self.memory.find(owner.as_ref().unwrap_or(user), key).await?;
        if let Some(call) = &mut found {
            match self.flaw {
                Flaw::HoldsKeysToTheirReservation => {
                    if let KeyedDial::Dialling { reserved_for } = &mut call.dial {
                        *reserved_for = Some(reserved_for.unwrap_or(Duration::from_secs(1)));
                    }
                }
                Flaw::IgnoresReportsOfKeyedCalls if call.dial == KeyedDial::Unknown => {
                    (call.status, call.failure) = (CallStatus::Unknown, None);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable> {
        self.reach(binding.request.key.as_hash()).await?;
        if self.has(Flaw::RebindsKeys) {
            self.memory.tables().keys.remove(&(binding.user.clone(), binding.request.key.clone()));
        }
        self.memory.bind(binding).await
    }

    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.reach("").await?;
        match self.flaw {
            Flaw::RemovesMoreKeysThanTheLimit => self.memory.remove_ended(ended_for, u32::MAX).await,
            Flaw::RemovesKeysByTheirAge => {
                let (now, mut tables) = (self.now(), self.memory.tables());
                let before = tables.keys.len();
                tables.keys.retain(|_, entry| entry.created_at.after(ended_for) > now);
                Ok(u64::try_from(before - tables.keys.len()).unwrap_or_default())
            }
            Flaw::KeepsKeysOfGivenUpCalls => {
                let copy = self.copy_with(|tables| tables.events.retain(|event| event.status.is_final()));
                let removed = copy.remove_ended(ended_for, limit).await?;
                self.memory.tables().keys = copy.tables().keys.clone();
                Ok(removed)
            }
            _ => self.memory.remove_ended(ended_for, limit).await,
        }
    }
}

impl BrokenStore {
    /// Books with what is broken about the key of the booking.
    pub(super) async fn book_with_key(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let mut booking = booking.clone();
        let key = booking.keyed.as_ref().map(|keyed| (booking.identity.user_id.clone(), keyed.key.clone()));
        let taken = key.as_ref().and_then(|key| self.memory.tables().keys.get(key).cloned());
        match self.flaw {
            Flaw::BooksWithoutTheKey => booking.keyed = None,
            Flaw::BooksTakenKeys if taken.is_some() => booking.keyed = None,
            Flaw::LooksForKeysBeforeItBooks if taken.is_none() => {
                tokio::task::yield_now().await;
                key.as_ref().map(|key| self.memory.tables().keys.remove(key));
            }
            _ => {}
        }
        let result = self.memory.book(&booking).await;
        match (self.flaw, &result, key) {
            (Flaw::WritesKeysOfBlockedBookings, Ok(HoldResult::InFlight { .. }), Some(key)) => {
                let mut tables = self.memory.tables();
                let holder = tables.reservations.get(&booking.key).map(|held| held.call_id.clone());
                holder.into_iter().for_each(|holder| write_key(&mut tables, key.clone(), &booking, holder));
            }
            (Flaw::WritesKeysOfRefusedAttempts, Ok(HoldResult::Refused(_)), Some(key)) => {
                write_key(&mut self.memory.tables(), key, &booking, booking.identity.call_id.clone());
            }
            (Flaw::ReservesForTakenKeys, Ok(HoldResult::KeyTaken), _) => {
                let reservation = Reservation {
                    call_id: booking.identity.call_id.clone(),
                    token: booking.token.clone(),
                    until: self.now().after(booking.reserve_for),
                };
                self.memory.tables().reservations.insert(booking.key.clone(), reservation);
            }
            _ => {}
        }
        result
    }

    /// Changes what a settlement did to the keys that there were.
    pub(super) fn change_keys(&self, settlement: &Settlement<'_>, before: &Tables) {
        let mut tables = self.memory.tables();
        match (self.flaw, settlement.outcome) {
            (Flaw::KeepsTheKeyOfUndialled, DialOutcome::NotDialled(_)) => tables.keys = before.keys.clone(),
            (Flaw::FreesKeysOfUnknownCalls, DialOutcome::NotDialled(_)) => {
                tables.keys.retain(|_, entry| entry.call_id != *settlement.call_id);
            }
            (Flaw::FreesEveryKeyOfTheUser, DialOutcome::NotDialled(_)) => tables.keys.clear(),
            _ => {}
        }
    }
}

/// Gives the key of this booking to a call.
fn write_key(tables: &mut Tables, key: (UserId, IdempotencyKey), booking: &Booking, call_id: CallId) {
    let Some(keyed) = &booking.keyed else { return };
    let entry = KeyEntry {
        digest: keyed.digest.clone(),
        call_id,
        intent: booking.key.clone(),
        created_at: booking.booked_at,
    };
    tables.keys.insert(key, entry);
}
