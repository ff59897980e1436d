//! Bookings, several in one statement.

use domain::Booking;
use tokio::time::Instant;

use super::booking_statement::{BookedCalls, book_all};
use crate::PostgresStore;
use crate::batch::{BatchedWork, Results};
use crate::outbound_directory::subject;
use crate::work::BookingWork;

/// What became of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Booked {
    Granted,
    /// Something blocks it: see `find_hold`.
    Blocked,
    /// One more attempt would exceed a cap.
    BeyondACap,
    /// Its idempotency key has just got a call.
    KeyTaken,
}

impl BatchedWork for BookingWork {
    type Output = Booked;

    fn fits(&self, other: &Self) -> bool {
        let (one, other) = (&self.booking, &other.booking);
        one.key != other.key
            && one.take_over == other.take_over
            && one.reserve_for == other.reserve_for
            && both_or_neither(attempt_row(one), attempt_row(other))
            && both_or_neither(key_row(one), key_row(other))
    }

    /// Never repeated after a broken connection: the first attempt may have booked the calls, and
    /// would block the second.
    async fn run(store: &PostgresStore, batch: &[Self], end_by: Instant) -> Results<Booked> {
        if let [only] = batch {
            return Ok(vec![Ok(only.outcome(&only.book(store, end_by).await?))]);
        }
        let calls = book_all(store, batch, end_by).await?;
        if calls.is_ok() {
            return Ok(batch.iter().map(|work| Ok(work.outcome(&calls))).collect());
        }
        // One of them was refused, and kept the others from being booked. From here on each has its own
        // result: one that fails must not hide from the others that they are booked.
        let mut booked = Vec::with_capacity(batch.len());
        for work in batch {
            booked.push(work.book(store, end_by).await.map(|calls| work.outcome(&calls)));
        }
        Ok(booked)
    }
}

impl BookingWork {
    fn outcome(&self, calls: &BookedCalls) -> Booked {
        match calls {
            Ok(calls) if calls.contains(self.booking.identity.call_id.as_str()) => Booked::Granted,
            Ok(_) => Booked::Blocked,
            Err(refused) => *refused,
        }
    }
}

/// Whether one statement can write both rows: they are different ones, or there are none.
fn both_or_neither<R: PartialEq>(one: Option<R>, other: Option<R>) -> bool {
    one.is_some() == other.is_some() && (one.is_none() || one != other)
}

/// The row that counts the attempt of a booking.
fn attempt_row(booking: &Booking) -> Option<(&str, &str, &str)> {
    let identity = &booking.identity;
    let subject = subject(booking.conditions.subject.as_ref());
    let row = (identity.organization_id.as_str(), identity.to.as_e164(), subject);
    booking.conditions.attempt.as_ref().map(|_| row)
}

/// The row of the idempotency key of a booking.
fn key_row(booking: &Booking) -> Option<(&str, &str)> {
    let row = |hash| (booking.identity.user_id.as_str(), hash);
    booking.keyed.as_ref().map(|request| row(request.key.as_hash()))
}
