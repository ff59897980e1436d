use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{CallLedger, HoldResult, PortUnavailable, Settlement};
use domain::{
    Booking, CallId, CallProgress, CallReference, CallStatus, DialOutcome, IntentKey, OwnerToken, Recording,
    SettledCall, Timestamp,
};
use testkit::harness::BookedCall;

use super::{Memory, lock};
use crate::flaw::Flaw;

#[derive(Default)]
pub(super) struct Books {
    pub(super) calls: Vec<Entry>,
    reservations: HashMap<IntentKey, Reservation>,
}

/// A call in the books: what its dial came to and when, and what is known of it otherwise.
pub(super) struct Entry {
    pub(super) booking: Booking,
    pub(super) dial: Option<(DialOutcome, Timestamp)>,
    pub(super) told: CallProgress,
    pub(super) claimed_until: Duration,
    pub(super) recording: Option<Recording>,
}

#[derive(Clone)]
struct Reservation {
    call_id: CallId,
    token: OwnerToken,
    until: Duration,
    own_until: Duration,
}

impl Books {
    pub(super) fn calls(&self) -> Vec<BookedCall> {
        self.calls.iter().map(view).collect()
    }

    fn is_written(&self, id: &CallId) -> bool {
        self.calls.iter().any(|entry| entry.booking.identity.call_id == *id)
    }

    fn result(&self, id: &CallId) -> Option<SettledCall> {
        let entry = self.calls.iter().find(|entry| entry.booking.identity.call_id == *id)?;
        let (outcome, _) = entry.dial.as_ref()?;
        let reference =
            |provider: &domain::ProviderReference| CallReference::new(id.clone(), provider.clone());
        match outcome {
            DialOutcome::Placed(provider) => Some(SettledCall::Placed(reference(provider))),
            DialOutcome::NotConnected { reference: provider, reason } => {
                Some(SettledCall::NotConnected { reference: reference(provider), reason: *reason })
            }
            DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => None,
        }
    }
}

impl Memory {
    /// The answer for a key that is guarded, or nothing where it is free.
    fn blocked(&self, books: &Books, booking: &Booking) -> Option<HoldResult> {
        let now = self.now();
        let reservation = books.reservations.get(&booking.key)?;
        if reservation.until <= now && !self.has(Flaw::NeverTakesAReservationOver) {
            return None;
        }
        let asked = self.has(Flaw::AnswersTheReservationThatWasAsked);
        let remaining = if asked { booking.reserve_for } else { reservation.until.saturating_sub(now) };
        let result = books.result(&reservation.call_id).map(HoldResult::Settled);
        Some(result.unwrap_or(HoldResult::InFlight { remaining }))
    }

    fn write_call(&self, books: &mut Books, booking: &Booking) {
        let mut booking = booking.clone();
        if self.has(Flaw::DropsTheCallsReason) {
            booking.reason = None;
        }
        let told = CallProgress { status: Some(CallStatus::Initiated), ..CallProgress::default() };
        let entry = Entry { booking, dial: None, told, claimed_until: Duration::ZERO, recording: None };
        self.write_booking_event(&entry);
        books.calls.push(entry);
    }

    fn settle_reservation(&self, reservation: &mut Reservation, settlement: &Settlement<'_>) {
        let now = self.now();
        let hold = match self.flaw {
            Some(Flaw::HoldsResultsToTheReservationsEnd) => reservation.own_until,
            _ => now + settlement.hold_for,
        };
        match settlement.outcome {
            DialOutcome::Placed(_) | DialOutcome::NotConnected { .. } => reservation.until = hold,
            DialOutcome::NotDialled(_) if self.has(Flaw::KeepsTheReservationOfUndialled) => {}
            DialOutcome::NotDialled(_) => reservation.until = now,
            DialOutcome::Unknown(_) if self.has(Flaw::ShortensTheReservationOfUnknown) => {
                reservation.until = hold
            }
            DialOutcome::Unknown(_) if self.has(Flaw::FoldsUnknownIntoNotDialled) => reservation.until = now,
            DialOutcome::Unknown(_) => {}
        }
    }
}

#[async_trait]
impl CallLedger for Memory {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        self.reach(booking.identity.to.as_e164()).await?;
        let seen_before = if self.has(Flaw::BooksTwice) {
            let seen = self.blocked(&lock(&self.store.books), booking);
            tokio::task::yield_now().await;
            Some(seen)
        } else {
            None
        };
        let mut books = lock(&self.store.books);
        if let Some(answer) = seen_before.unwrap_or_else(|| self.blocked(&books, booking)) {
            if self.has(Flaw::WritesBlockedBookings) {
                self.write_call(&mut books, booking);
            }
            return Ok(answer);
        }
        let written = books.is_written(&booking.identity.call_id);
        if !written || self.has(Flaw::GuardsCallsThatItCannotWrite) {
            let until = self.now() + booking.reserve_for;
            let (call_id, token) = (booking.identity.call_id.clone(), booking.token.clone());
            books
                .reservations
                .insert(booking.key.clone(), Reservation { call_id, token, until, own_until: until });
        }
        if written {
            return Err(PortUnavailable::new("memory", "the call's id is taken"));
        }
        self.write_call(&mut books, booking);
        Ok(HoldResult::Granted)
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        self.reach(settlement.token.as_str()).await?;
        let mut books = lock(&self.store.books);
        let own = |key: &IntentKey, reservation: &Reservation| {
            let (same_key, same_token) = (key == settlement.key, reservation.token == *settlement.token);
            match self.flaw {
                Some(Flaw::SettlesAnyReservation) => same_key,
                Some(Flaw::SettlesEveryReservationOfTheToken) => same_token,
                _ => same_key && same_token,
            }
        };
        let owned: Vec<IntentKey> = books
            .reservations
            .iter()
            .filter(|(key, reservation)| own(key, reservation))
            .map(|(key, _)| key.clone())
            .collect();
        if owned.is_empty() && self.has(Flaw::LeavesCallsOfLostReservations) {
            return Ok(());
        }
        let first = |entry: &&mut Entry| {
            let open = entry.dial.is_none() || self.has(Flaw::MovesCallsBackward);
            entry.booking.identity.call_id == *settlement.call_id && open
        };
        let Some(entry) = books.calls.iter_mut().find(first) else { return Ok(()) };
        let mut settled = settlement.outcome.clone();
        if let (DialOutcome::Placed(provider), true) = (&mut settled, self.has(Flaw::DropsTheCarriersId)) {
            provider.carrier_call_id = None;
        }
        let before = entry.told.status;
        self.write_dial_events(entry, &settled, settlement.status);
        self.write_settlement_events(entry, before, settlement.status);
        entry.dial = Some((settled, settlement.settled_at));
        for key in owned {
            if let Some(reservation) = books.reservations.get_mut(&key) {
                self.settle_reservation(reservation, settlement);
            }
        }
        Ok(())
    }
}

fn view(entry: &Entry) -> BookedCall {
    let booking = &entry.booking;
    let outcome = entry.dial.as_ref().map(|(outcome, _)| outcome);
    let provider = match outcome {
        Some(DialOutcome::Placed(provider) | DialOutcome::NotConnected { reference: provider, .. }) => {
            provider.clone()
        }
        _ => domain::ProviderReference::default(),
    };
    BookedCall {
        call_id: booking.identity.call_id.clone(),
        organization_id: booking.identity.organization_id.clone(),
        user_id: booking.identity.user_id.clone(),
        contact_id: booking.identity.contact_id.clone(),
        agent_id: booking.identity.agent_id.clone(),
        from: booking.identity.from.clone(),
        to: booking.identity.to.clone(),
        reason: booking.reason.clone(),
        booked_at: booking.booked_at,
        state: outcome.map_or("dialling", DialOutcome::as_str).to_owned(),
        conversation_id: provider.conversation_id,
        carrier_call_id: provider.carrier_call_id,
    }
}
