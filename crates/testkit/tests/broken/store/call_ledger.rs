use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{CallLedger, CountQuery, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{
    Agent, Booking, CallIdentity, Contact, DialOutcome, DynamicVariables, IntentKey, ProviderReference,
    TakeOver, Timestamp, UserRecord,
};
use testkit::fixtures::{self, Tenant};
use testkit::memory::{Reservation, Tables};

use super::events::Write;
use super::{BrokenStore, NEVER};
use crate::flaw::Flaw;

#[async_trait]
impl CallLedger for BrokenStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        self.reach(booking.identity.to.as_e164()).await?;
        let events = self.events_written();
        let before = self.memory.tables().reservations.get(&booking.key).cloned();
        let is_free = before.as_ref().is_none_or(|reservation| reservation.until <= self.now());
        let mut booking = booking.clone();
        match self.flaw {
            Flaw::DropsTheCallsReason => booking.reason = None,
            Flaw::DropsTheMetadata => booking.metadata = None,
            Flaw::DropsTheClientsVariables => booking.variables = DynamicVariables::default(),
            Flaw::TakesUndecidedReservationsOver => booking.take_over = TakeOver::Expired,
            Flaw::TrustsTheNamesOfABooking => self.store_parties_of(&booking.identity),
            Flaw::BooksForErasedContacts => self.give_number_to(&booking.identity),
            Flaw::RefusesErasedContacts if self.has_erased() => {
                return Ok(HoldResult::InFlight { remaining: Duration::from_millis(1) });
            }
            Flaw::BooksTwice if is_free => {
                tokio::task::yield_now().await;
                self.memory.tables().reservations.remove(&booking.key);
            }
            Flaw::NeverTakesAReservationOver => {
                let mut tables = self.memory.tables();
                tables.reservations.get_mut(&booking.key).into_iter().for_each(|own| own.until = NEVER);
            }
            _ => {}
        }
        if let Some(refused) = self.flawed_conditions(&mut booking).await {
            return refused;
        }
        let attempts = self.counted_attempts(&booking);
        let mut result = self.book_with_key(&booking).await;
        self.keep_attempts(&booking, attempts, &result);
        self.written_for_refused(&booking, &result);
        let fails = result.is_err() || matches!(result, Ok(HoldResult::KeyTaken));
        let has_failed = self.shared.has_failed.swap(fails, Ordering::Relaxed);
        match (self.flaw, &mut result) {
            (Flaw::AnswersUnknownInFlight, Ok(HoldResult::Undecided { remaining })) => {
                result = Ok(HoldResult::InFlight { remaining: *remaining });
            }
            (Flaw::WritesBlockedBookings, Ok(HoldResult::InFlight { .. } | HoldResult::Settled(_))) => {
                self.memory.book(&Booking { key: fixtures::key(), ..booking.clone() }).await?;
            }
            (Flaw::ReservesForCallsThatItCannotWrite, Err(_)) => {
                let reservation = Reservation {
                    call_id: booking.identity.call_id.clone(),
                    token: booking.token.clone(),
                    until: self.now().after(booking.reserve_for),
                };
                self.memory.tables().reservations.insert(booking.key.clone(), reservation);
            }
            (Flaw::FailsTheBookingAfterAFailedOne, Ok(HoldResult::Granted)) if has_failed => {
                result = Err(PortUnavailable::new("memory", "the booking before failed"));
            }
            (Flaw::AnswersTheRequestedReservation, Ok(HoldResult::InFlight { remaining })) => {
                *remaining = booking.reserve_for;
            }
            _ => {}
        }
        self.change_events(&booking.identity.call_id, events, Write::Booking).await?;
        result
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let now = self.now();
        let change = |tables: &mut Tables| match self.flaw {
            Flaw::FindsRunningCallsUndecided => {
                tables.reservations.values_mut().for_each(|reservation| reservation.until = now);
            }
            Flaw::FindsNoUndecidedCall => tables.reservations.clear(),
            Flaw::LeavesGivenUpCallsUndecided => {
                tables.calls.iter_mut().for_each(|call| call.progress.given_up = None);
            }
            Flaw::LeavesReportedCallsUndecided => {
                tables.calls.iter_mut().for_each(|call| call.progress.status = None);
            }
            _ => {}
        };
        self.copy_with(change).undecided(key).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.reach("").await?;
        match self.flaw {
            Flaw::RemovesYoungReservations => self.memory.remove_expired(Duration::ZERO, limit).await,
            Flaw::RemovesMoreReservationsThanTheLimit => {
                self.memory.remove_expired(expired_for, u32::MAX).await
            }
            Flaw::RemovesReservationsOfUndecidedCalls => {
                let (now, mut tables) = (self.now(), self.memory.tables());
                let mut removed = 0;
                tables.reservations.retain(|_, reservation| {
                    let stays = reservation.until.after(expired_for) > now || removed == u64::from(limit);
                    removed += u64::from(!stays);
                    stays
                });
                Ok(removed)
            }
            _ => self.memory.remove_expired(expired_for, limit).await,
        }
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let change = |tables: &mut Tables| {
            if self.has(Flaw::CountsCallsThatWereNotDialled) {
                tables.calls.iter_mut().for_each(|call| call.dial = None);
            }
        };
        let query = match self.flaw {
            Flaw::CountsEarlierCalls => CountQuery { since: Timestamp::from_unix_millis(0), ..*query },
            Flaw::CountsTheCallsOfColleagues => CountQuery { user_id: None, ..*query },
            _ => *query,
        };
        self.copy_with(change).count_since(&query).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        self.reach(settlement.token.as_str()).await?;
        let (events, before) = (self.events_written(), self.memory.tables().clone());
        let reservation = before.reservations.get(settlement.key);
        let mut token = settlement.token.clone();
        let mut outcome = settlement.outcome.clone();
        match self.flaw {
            Flaw::SettlesEveryReservation => {
                token = reservation.map_or(token, |reservation| reservation.token.clone());
            }
            Flaw::LeavesCallsOfLostReservations if reservation.is_none_or(|own| own.token != token) => {
                return Ok(());
            }
            Flaw::MovesCallsBackward => self.change_call(settlement.call_id, |call| call.dial = None),
            Flaw::DropsTheCarriersId => {
                if let DialOutcome::Placed(reference) = &mut outcome {
                    reference.carrier_call_id = None;
                }
            }
            _ => {}
        }
        self.memory.settle(&Settlement { token: &token, outcome: &outcome, ..*settlement }).await?;
        match self.flaw {
            Flaw::KeepsAttemptsOfUndialled => self.memory.tables().attempts = before.attempts.clone(),
            Flaw::TakesEveryAttemptBack if matches!(outcome, DialOutcome::NotDialled(_)) => {
                self.memory.tables().attempts.clear();
            }
            _ => {}
        }
        self.change_reservations(settlement, reservation);
        self.change_keys(settlement, &before);
        let status_before = before.call(settlement.call_id).and_then(|call| call.progress.status);
        self.change_call(settlement.call_id, |call| match self.flaw {
            Flaw::LeavesTheStatusToUpdates => call.progress.status = status_before,
            Flaw::TakesTheDialForTheLastWord => {
                let reference = match &outcome {
                    DialOutcome::Placed(reference) | DialOutcome::NotConnected { reference, .. } => {
                        reference.clone()
                    }
                    DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => ProviderReference::default(),
                };
                call.progress.status = Some(settlement.status);
                call.progress.conversation_id = reference.conversation_id;
                call.progress.carrier_call_id = reference.carrier_call_id;
            }
            _ => {}
        });
        self.change_events(settlement.call_id, events, Write::Settlement(settlement.status)).await
    }
}

impl BrokenStore {
    /// Makes any booking look as if its user, contact and agent were stored.
    fn store_parties_of(&self, call: &CallIdentity) {
        let (mut tables, tenant) = (self.memory.tables(), Tenant::new());
        let organization_id = call.organization_id.clone();
        let directory = &mut tables.directory;
        directory.users.push(UserRecord {
            id: call.user_id.clone(),
            organization_id: organization_id.clone(),
            ..tenant.user.clone()
        });
        directory.agents.push(Agent {
            id: call.agent_id.clone(),
            organization_id: organization_id.clone(),
            ..tenant.agent.clone()
        });
        directory.contacts.push(Contact {
            id: call.contact_id.clone(),
            organization_id,
            ..fixtures::stored_contact(&tenant.contact)
        });
    }

    /// Changes what a settlement did to the reservations.
    fn change_reservations(&self, settlement: &Settlement<'_>, before: Option<&Reservation>) {
        let Some(before) = before else { return };
        let mut tables = self.memory.tables();
        let (now, is_own) = (self.now(), before.token == *settlement.token);
        let Some(own) = tables.reservations.get_mut(settlement.key).filter(|_| is_own) else { return };
        match (self.flaw, settlement.outcome) {
            (Flaw::ShortensTheReservationOfUnknown, DialOutcome::Unknown(_)) => {
                own.until = now.after(settlement.hold_for);
            }
            (Flaw::FoldsUnknownIntoNotDialled, DialOutcome::Unknown(_)) => own.until = now,
            (Flaw::KeepsTheReservationOfUndialled, DialOutcome::NotDialled(_))
            | (
                Flaw::HoldsResultsToTheReservationsEnd,
                DialOutcome::Placed(_) | DialOutcome::NotConnected { .. },
            ) => own.until = before.until,
            (Flaw::SettlesEveryReservationOfTheToken, _) => {
                let until = own.until;
                let same_token = tables.reservations.values_mut().filter(|one| one.token == before.token);
                same_token.for_each(|reservation| reservation.until = until);
            }
            _ => {}
        }
    }
}
