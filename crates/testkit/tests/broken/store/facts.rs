//! What decisions depend on, and the attempts that bookings count.

use domain::ports::{
    HoldResult, OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient,
};
use domain::{AttemptCount, Booking, CallPurpose, CallSubject, PhoneNumber, RefusalCode, Timestamp};
use testkit::memory::{CountedAttempts, DirectoryTables, Reservation};

use super::{BrokenStore, NEVER};
use crate::flaw::Flaw;

impl BrokenStore {
    /// Changes the records about callees to those that the flaw reads.
    fn change_records(&self, directory: &mut DirectoryTables) {
        let suppressions = &mut directory.suppressions;
        match self.flaw {
            Flaw::SuppressesByTheNumberAlone => suppressions.retain(|one| one.contact_id.is_none()),
            Flaw::SuppressesForOneOrganizationAlone => {
                suppressions.retain(|one| one.organization_id.is_some())
            }
            Flaw::SuppressesForEveryOrganization => {
                suppressions.iter_mut().for_each(|one| one.organization_id = None);
            }
            Flaw::SuppressesForEver => suppressions.iter_mut().for_each(|one| one.expires_at = None),
            Flaw::FindsTheConsentsOfTheNumberAlone => {
                directory.consents.retain(|one| one.contact_id.is_none());
            }
            Flaw::TakesOldCopiesForTheList => {
                let newest = domain::LocalDate::new(9999, 1, 1).expect("a date");
                directory.do_not_call_numbers.iter_mut().for_each(|one| one.copy.dated = newest);
            }
            _ => {}
        }
    }

    /// The facts of a query as the flaw finds them.
    pub(super) async fn flawed_facts(
        &self,
        query: &OutboundQuery<'_>,
        parties: &mut OutboundParties,
    ) -> Result<(), PortUnavailable> {
        let organization_id = parties.user.organization.id.clone();
        let number = match query.recipient {
            Recipient::Number(number) => Some(number.clone()),
            Recipient::Contact(_) => parties.contact.as_ref().and_then(|one| one.phone_number.clone()),
        };
        let copy = self.copy_with(|tables| {
            self.change_records(&mut tables.directory);
            match self.flaw {
                Flaw::ForgetsThePolicy => tables.policies.clear(),
                Flaw::FindsFactsOfEveryTenant => {
                    let consents = &mut tables.directory.consents;
                    consents.iter_mut().for_each(|one| one.organization_id = organization_id.clone());
                }
                Flaw::FindsNoAttempts => tables.attempts.clear(),
                Flaw::CountsEverySubject => {
                    let of_number: Vec<_> =
                        tables.attempts.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                    for ((tenant, to, _), counted) in of_number {
                        let key = (tenant, to, query.subject.cloned());
                        tables.attempts.entry(key).or_default().attempts.extend(counted.attempts);
                    }
                }
                // As if the newest calls were older.
                Flaw::ReadsEveryCall => {
                    let is_dialling = |call: &testkit::memory::LedgerCall| call.dial.is_none();
                    tables.calls.retain(|call| {
                        !is_dialling(call) || Some(&call.booking.identity.to) != number.as_ref()
                    });
                }
                Flaw::ReadsTheLatestCallsOfEveryone => {
                    tables.calls.sort_by_key(|call| std::cmp::Reverse(call.booking.booked_at));
                    tables.calls.retain(|call| Some(&call.booking.identity.to) == number.as_ref());
                    tables.calls.truncate(OutboundQuery::LATEST_CALLS as usize);
                }
                Flaw::TakesTheLastCallForAConversation => {
                    for call in &mut tables.calls {
                        call.progress.status = Some(domain::CallStatus::Completed);
                    }
                }
                _ => {}
            }
        });
        let purpose = match self.flaw {
            Flaw::AlwaysReadsCalls => Some(CallPurpose::Debt),
            _ => query.purpose,
        };
        let found = copy.resolve(&OutboundQuery { purpose, ..*query }).await?;
        if let Some(found) = found {
            parties.calling = found.calling;
        }
        if self.has(Flaw::KnowsThePlaceByTheContactAlone) && matches!(query.recipient, Recipient::Number(_)) {
            parties.calling.place = domain::ContactPlace::default();
        }
        Ok(())
    }

    /// What a booking of this flaw does instead of the honest one; `None` if it is honest.
    pub(super) async fn flawed_conditions(
        &self,
        booking: &mut Booking,
    ) -> Option<Result<HoldResult, PortUnavailable>> {
        let conditions = booking.conditions.clone();
        match self.flaw {
            Flaw::DropsTheDecision => booking.conditions.decision = None,
            Flaw::BooksForSuppressedCallees => booking.conditions.refuse_suppressed = false,
            Flaw::SuppressesByTheNumberAlone
            | Flaw::SuppressesForOneOrganizationAlone
            | Flaw::SuppressesForEveryOrganization
            | Flaw::SuppressesForEver => {
                let identity = &booking.identity;
                let mut directory = self.memory.tables().directory.clone();
                self.change_records(&mut directory);
                let is_suppressed = directory.is_suppressed(
                    &identity.organization_id,
                    Some(&identity.to),
                    Some(&identity.contact_id),
                    booking.booked_at,
                );
                if conditions.refuse_suppressed && is_suppressed {
                    return Some(Ok(HoldResult::Refused(RefusalCode::CalleeOptedOut)));
                }
                booking.conditions.refuse_suppressed = false;
            }
            Flaw::BooksBeyondTheCap => booking.conditions.attempt.iter_mut().for_each(|one| one.caps.clear()),
            Flaw::CountsEverySubject => booking.conditions.subject = None,
            Flaw::KnowsTheLastCapAlone => {
                if let Some(attempt) = &mut booking.conditions.attempt {
                    attempt.caps.drain(..attempt.caps.len().saturating_sub(1));
                }
            }
            Flaw::CountsAttemptsForEver => {
                if let Some(attempt) = &mut booking.conditions.attempt {
                    attempt.caps.iter_mut().for_each(|cap| cap.within *= 2);
                    attempt.remember_for *= 2;
                }
            }
            Flaw::ChecksTheCapBeforeTheKey if self.is_beyond_a_cap(booking) => {
                return Some(Ok(HoldResult::Refused(RefusalCode::AttemptCap)));
            }
            Flaw::ChecksTheCapBeforeItBooks => {
                if self.is_beyond_a_cap(booking) {
                    return Some(Ok(HoldResult::Refused(RefusalCode::AttemptCap)));
                }
                tokio::task::yield_now().await;
                booking.conditions.attempt.iter_mut().for_each(|attempt| attempt.caps.clear());
            }
            Flaw::RemembersForTheLastTime => {
                if let Some(attempt) = &conditions.attempt {
                    for counted in self.memory.tables().attempts.values_mut() {
                        counted.remember_for = attempt.remember_for;
                        let is_kept = |at: Timestamp| at.after(attempt.remember_for) > booking.booked_at;
                        counted.attempts.retain(|(at, _)| is_kept(*at));
                    }
                }
            }
            _ => {}
        }
        None
    }

    /// The attempts that a booking finds.
    pub(super) fn counted_attempts(&self, booking: &Booking) -> CountedAttempts {
        self.memory.tables().attempts.get(&attempt_key(booking)).cloned().unwrap_or_default()
    }

    /// What a flaw keeps of these attempts after the booking.
    pub(super) fn keep_attempts(
        &self,
        booking: &Booking,
        mut before: CountedAttempts,
        result: &Result<HoldResult, PortUnavailable>,
    ) {
        let is_full = before.attempts.len() >= AttemptCount::KEPT as usize;
        if !is_full || *result != Ok(HoldResult::Granted) {
            return;
        }
        match self.flaw {
            Flaw::KeepsTheOldestAttempts => {}
            Flaw::KeepsEveryAttempt => {
                before.attempts.push((booking.booked_at, booking.identity.call_id.clone()));
            }
            _ => return,
        }
        self.memory.tables().attempts.insert(attempt_key(booking), before);
    }

    fn is_beyond_a_cap(&self, booking: &Booking) -> bool {
        let counted = self.counted_attempts(booking);
        let caps = booking.conditions.attempt.iter().flat_map(|attempt| &attempt.caps);
        caps.clone().any(|cap| counted.attempts.len() >= cap.attempts as usize)
    }

    /// What a flaw writes for a booking that was not granted.
    pub(super) fn written_for_refused(
        &self,
        booking: &Booking,
        result: &Result<HoldResult, PortUnavailable>,
    ) {
        match (self.flaw, result) {
            (Flaw::CountsBlockedAttempts, Ok(HoldResult::InFlight { .. }))
            | (Flaw::CountsAttemptsOfTakenKeys, Ok(HoldResult::KeyTaken))
                if booking.conditions.attempt.is_some() =>
            {
                let mut tables = self.memory.tables();
                let counted = tables.attempts.entry(attempt_key(booking)).or_default();
                counted.attempts.push((booking.booked_at, booking.identity.call_id.clone()));
            }
            (Flaw::ReservesForRefusedAttempts, Ok(HoldResult::Refused(_))) => {
                let reservation = Reservation {
                    call_id: booking.identity.call_id.clone(),
                    token: booking.token.clone(),
                    until: NEVER,
                };
                self.memory.tables().reservations.insert(booking.key.clone(), reservation);
            }
            _ => {}
        }
    }
}

fn attempt_key(booking: &Booking) -> (domain::OrganizationId, PhoneNumber, Option<CallSubject>) {
    let identity = &booking.identity;
    (identity.organization_id.clone(), identity.to.clone(), booking.conditions.subject.clone())
}
