use async_trait::async_trait;
use domain::ports::{CallLedger, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{Booking, DialOutcome, IntentKey, ProviderReference, TakeOver};
use testkit::fixtures;
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
            Flaw::TakesUndecidedReservationsOver => booking.take_over = TakeOver::Expired,
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
        let mut result = self.memory.book(&booking).await;
        match (self.flaw, &mut result) {
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
        self.change_reservations(settlement, reservation);
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
