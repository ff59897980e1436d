use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{CallLedger, CountQuery, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{
    Booking, CallEventKind, CallId, CallProgress, CallReference, CallStatus, CallUpdate, DialOutcome,
    EndReason, IntentKey, ProviderReference, RemovedParts, SettledCall, TakeOver, Timestamp,
};

use super::{KeyEntry, LedgerCall, Memory, Reservation, Tables};

#[async_trait]
impl CallLedger for Memory {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let key = booking.keyed.as_ref().map(|keyed| (booking.identity.user_id.clone(), keyed.key.clone()));
        if key.as_ref().is_some_and(|key| tables.keys.contains_key(key)) {
            return Ok(HoldResult::KeyTaken);
        }
        if let Some(held) = tables.reserved(&booking.key, now) {
            return Ok(held);
        }
        if booking.take_over == TakeOver::Decided && tables.undecided(&booking.key, now).is_some() {
            return Ok(HoldResult::InFlight { remaining: Duration::from_millis(1) });
        }
        if !tables.directory.has_parties_of(&booking.identity) {
            return Err(PortUnavailable::new("memory", "a party of the call is not stored"));
        }
        if !tables.directory.has_number_of(&booking.identity) {
            return Ok(HoldResult::InFlight { remaining: Duration::from_millis(1) });
        }
        if let Some(code) = tables.refusal(booking) {
            return Ok(HoldResult::Refused(code));
        }
        let call_id = &booking.identity.call_id;
        if tables.call(call_id).is_some() {
            return Err(PortUnavailable::new("memory", "the id of the call is in use"));
        }
        let reservation = Reservation {
            call_id: call_id.clone(),
            token: booking.token.clone(),
            until: now.after(booking.reserve_for),
        };
        tables.reservations.insert(booking.key.clone(), reservation);
        tables.count_attempt(booking);
        if let (Some(key), Some(keyed)) = (key, &booking.keyed) {
            let entry = KeyEntry {
                digest: keyed.digest.clone(),
                call_id: call_id.clone(),
                intent: booking.key.clone(),
                created_at: now,
            };
            tables.keys.insert(key, entry);
        }
        let progress = CallProgress { status: Some(CallStatus::Initiated), ..CallProgress::default() };
        let call = LedgerCall {
            booking: booking.clone(),
            dial: None,
            progress,
            leased_until: None,
            recording: None,
            removed: RemovedParts::default(),
        };
        tables.calls.push(call);
        tables.write_event(call_id, CallEventKind::Initiated, CallStatus::Initiated, None, now);
        Ok(HoldResult::Granted)
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        let (tables, now) = (self.open()?, self.now());
        let expired_at = tables.reservations.get(key).map_or(now, |reservation| reservation.until);
        Ok(tables.undecided(key, now).map(|call| UndecidedCall {
            lookup: tables.lookup(call),
            carrier_call_id: call.progress.carrier_call_id.clone(),
            status: call.progress.status.unwrap_or(CallStatus::Initiated),
            expired_for: now.since(expired_at),
        }))
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let Settlement { call_id, outcome, status, settled_at, .. } = *settlement;
        let Some(call) = tables.call_mut(call_id).filter(|call| call.dial.is_none()) else { return Ok(()) };
        let before = call.progress.status.unwrap_or(CallStatus::Initiated);
        let ProviderReference { conversation_id, carrier_call_id } = match outcome {
            DialOutcome::Placed(reference) | DialOutcome::NotConnected { reference, .. } => reference.clone(),
            DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => ProviderReference::default(),
        };
        // Reports that arrived before the outcome of the dial keep their status: `unresolved` would
        // raise it.
        let reported = call.progress.status;
        call.progress.merge(&CallUpdate { conversation_id, carrier_call_id, ..CallUpdate::unresolved() });
        call.progress.status = reported.max(Some(status));
        call.dial = Some((outcome.clone(), settled_at));
        let after = call.progress.status.unwrap_or(status);
        for kind in CallEventKind::between(before, after) {
            tables.write_event(call_id, kind, after, EndReason::of_dial(outcome), now);
        }
        if matches!(outcome, DialOutcome::NotDialled(_)) {
            tables.take_attempt_back(call_id);
            tables.keys.retain(|_, entry| entry.call_id != *call_id);
        }
        if let Some(reservation) = tables.reservations.get_mut(settlement.key)
            && reservation.token == *settlement.token
        {
            match outcome {
                DialOutcome::Placed(_) | DialOutcome::NotConnected { .. } => {
                    reservation.until = now.after(settlement.hold_for);
                }
                DialOutcome::NotDialled(_) => reservation.until = now,
                DialOutcome::Unknown(_) => {}
            }
        }
        Ok(())
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let is_removable = |tables: &Tables, key: &IntentKey, reservation: &Reservation| {
            let has_end = |call: &LedgerCall| call.progress.status.is_some_and(CallStatus::is_final);
            reservation.until.after(expired_for) <= now && tables.undecided(key, now).is_none_or(has_end)
        };
        let removable = tables.reservations.iter();
        let removable = removable.filter(|(key, reservation)| is_removable(&tables, key, reservation));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let removable: Vec<IntentKey> = removable.map(|(key, _)| key.clone()).take(limit).collect();
        tables.reservations.retain(|key, _| !removable.contains(key));
        Ok(u64::try_from(removable.len()).unwrap_or(u64::MAX))
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        let tables = self.open()?;
        let calls = tables.calls.iter().filter(|call| {
            let identity = &call.booking.identity;
            identity.organization_id == *query.organization_id
                && query.user_id.is_none_or(|user_id| identity.user_id == *user_id)
                && call.booking.booked_at >= query.since
                && !matches!(call.dial, Some((DialOutcome::NotDialled(_), _)))
        });
        Ok(u32::try_from(calls.count()).unwrap_or(u32::MAX))
    }
}

impl Tables {
    /// The call with this id.
    #[must_use]
    pub fn call(&self, id: &CallId) -> Option<&LedgerCall> {
        self.calls.iter().find(|call| call.booking.identity.call_id == *id)
    }

    pub(super) fn call_mut(&mut self, id: &CallId) -> Option<&mut LedgerCall> {
        self.calls.iter_mut().find(|call| call.booking.identity.call_id == *id)
    }

    /// The undecided call of an expired reservation.
    fn undecided(&self, key: &IntentKey, now: Timestamp) -> Option<&LedgerCall> {
        let reservation = self.reservations.get(key).filter(|reservation| reservation.until <= now)?;
        let is_undecided = |call: &&LedgerCall| {
            matches!(call.dial, None | Some((DialOutcome::Unknown(_), _)))
                && !call.progress.status.is_some_and(|status| CallStatus::NOT_CONNECTED.contains(&status))
                && call.progress.given_up.is_none()
        };
        self.call(&reservation.call_id).filter(is_undecided)
    }

    /// What a booking of this key gets; `None` if the key is free.
    pub(super) fn reserved(&self, key: &IntentKey, now: Timestamp) -> Option<HoldResult> {
        let reservation = self.reservations.get(key).filter(|reservation| reservation.until > now)?;
        let call_id = &reservation.call_id;
        let outcome = self.call(call_id).and_then(|call| call.dial.as_ref()).map(|(outcome, _)| outcome);
        let reference = |provider: &ProviderReference| CallReference::new(call_id.clone(), provider.clone());
        Some(match outcome {
            Some(DialOutcome::Placed(provider)) => {
                HoldResult::Settled(SettledCall::Placed(reference(provider)))
            }
            Some(DialOutcome::NotConnected { reference: provider, reason, .. }) => {
                let (reference, reason) = (reference(provider), *reason);
                HoldResult::Settled(SettledCall::NotConnected { reference, reason })
            }
            Some(DialOutcome::NotDialled(_)) | None => {
                HoldResult::InFlight { remaining: reservation.until.since(now) }
            }
            Some(DialOutcome::Unknown(_)) => {
                HoldResult::Undecided { remaining: reservation.until.since(now) }
            }
        })
    }
}
