//! The flaws of the ledger.

use super::passes;
use crate::flaw::Flaw;
use crate::harness::Store;

caught! {
    paused = true;
    call_ledger, by Store: {
        DropsTheCallsReason => a_booked_call_is_in_the_ledger,
        DropsTheMetadata => a_booked_call_is_in_the_ledger,
        DropsTheClientsVariables => a_booked_call_is_in_the_ledger,
        DropsTheDecision => a_booked_call_is_in_the_ledger,
        WritesBlockedBookings => a_blocked_booking_writes_nothing,
        ReservesForCallsThatItCannotWrite => a_blocked_booking_writes_nothing,
        TrustsTheNamesOfABooking => a_booking_that_names_unknown_records_is_refused,
        ReservesForCallsThatItCannotWrite => a_booking_that_names_unknown_records_is_refused,
        BooksTwice => one_of_many_bookings_of_one_key_is_recorded,
        AnswersTheRequestedReservation => a_call_in_flight_blocks_its_key,
        ShortensTheReservationOfUnknown => an_unknown_outcome_blocks_its_key_to_the_end,
        FoldsUnknownIntoNotDialled => an_unknown_outcome_blocks_its_key_to_the_end,
        DropsTheCarriersId => a_settled_call_answers_duplicates,
        HoldsResultsToTheReservationsEnd => a_settled_call_frees_its_key_after_its_time,
        NeverTakesAReservationOver => an_expired_reservation_is_taken_over,
        TakesUndecidedReservationsOver => an_undecided_call_blocks_a_booking_that_must_ask_first,
        BooksForSuppressedCallees => a_suppressed_callee_is_refused_by_the_booking,
        SuppressesByTheNumberAlone => a_suppressed_callee_is_refused_by_the_booking,
        SuppressesForOneOrganizationAlone => a_suppressed_callee_is_refused_by_the_booking,
        SuppressesForEveryOrganization => a_suppressed_callee_is_refused_by_the_booking,
        SuppressesForEver => a_suppressed_callee_is_refused_by_the_booking,
        BooksBeyondTheCap => attempts_are_capped,
        CountsEverySubject => attempts_are_capped,
        KnowsTheLastCapAlone => attempts_are_capped,
        CountsAttemptsForEver => attempts_are_capped,
        ChecksTheCapBeforeItBooks => one_callee_gets_no_more_attempts_than_the_cap,
        CountsBlockedAttempts => a_refused_booking_writes_nothing,
        ReservesForRefusedAttempts => a_refused_booking_writes_nothing,
        KeepsAttemptsOfUndialled => an_attempt_that_was_not_dialled_is_taken_back,
        TakesEveryAttemptBack => an_attempt_that_was_not_dialled_is_taken_back,
        RemembersForTheLastTime => attempts_are_remembered_for_the_longest_time,
        FindsRunningCallsUndecided => the_undecided_call_of_a_key_is_found,
        FindsNoUndecidedCall => the_undecided_call_of_a_key_is_found,
        KeepsTheReservationOfUndialled => a_call_that_was_not_dialled_frees_its_key,
        SettlesEveryReservation => only_its_own_token_settles_a_reservation,
        LeavesCallsOfLostReservations => only_its_own_token_settles_a_reservation,
        MovesCallsBackward => a_settled_call_stays_settled,
        SettlesEveryReservationOfTheToken => reservations_do_not_affect_each_other,
        FailsTheBookingAfterAFailedOne => operations_at_the_same_time_do_not_affect_each_other,
        RemovesYoungReservations => old_reservations_are_removed,
        RemovesMoreReservationsThanTheLimit => old_reservations_are_removed,
        RemovesReservationsOfUndecidedCalls => old_reservations_are_removed,
        ForgetsInACrash => the_ledger_survives_a_crash,
        QuotesTheRequestWhenLost => a_lost_ledger_is_unavailable,
        HangsWhenLost => a_lost_ledger_is_unavailable,
        AnswersWhenLost => a_lost_ledger_is_unavailable,
    }
}
