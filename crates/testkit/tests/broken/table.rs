//! Which flaw is caught by which case. Every case catches at least one.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::flaw::Flaw;
use crate::harness::{Holds, Store};
use crate::provider_recordings::Tapes;
use crate::provider_webhook::Lines;

/// Runs a case against a broken adapter. Returns a complaint if it passes.
async fn passes(flaw: Flaw, case: &str, run: impl Future<Output = ()>) -> Option<String> {
    let outcome: Result<(), Box<dyn Any + Send>> = AssertUnwindSafe(run).catch_unwind().await;
    outcome.is_ok().then(|| format!("an adapter that {flaw:?} passes {case}"))
}

/// For each port: the type of the broken adapters, and `flaw => the case that catches it`. Time is
/// paused except for adapters that use sockets: a test of an adapter that hangs then takes no time.
/// A type with `.await` starts the socket of its provider.
macro_rules! caught {
    (paused = $paused:tt; $($port:ident, by $Harness:ident $(.$await:tt)?: { $($Flaw:ident => $case:ident),+ $(,)? })+) => {$(
        mod $port {
            use super::{Flaw, $Harness, passes};

            #[tokio::test(start_paused = $paused)]
            async fn no_broken_adapter_passes() {
                let with = async |flaw| $Harness::with(flaw)$(.$await)?;
                let mut passed = Vec::new();
                $(
                    let broken = with(Flaw::$Flaw).await;
                    let case = testkit::$port::$case(&broken);
                    passed.extend(passes(Flaw::$Flaw, stringify!($case), case).await);
                )+
                assert!(passed.is_empty(), "{passed:#?}");
            }

            #[test]
            fn every_case_catches_something() {
                let catching = [$(stringify!($case)),+];
                for case in testkit::$port::CASES {
                    assert!(catching.contains(case), "no broken adapter fails {case}");
                }
            }
        }
    )+};
}

mod accounts;
mod directory;
mod ledger;
mod retention;
mod sockets;

caught! {
    paused = true;
    idempotency_lock, by Store: {
        GrantsTwice => one_of_many_acquirers_is_granted,
        AnswersTheRequestedTime => a_held_key_is_in_flight_with_its_remaining_time,
        NeverExpires => an_expired_key_is_free_again,
        RenewsWithoutWriting => a_renewed_key_lives_on,
        AddsUpRenewals => a_renewed_key_lives_on,
        RenewsForEveryone => only_the_owner_renews_the_lock,
        FoldsNotConnectedIntoPlaced => a_settled_key_answers_its_result,
        KeepsResultsForEver => a_settled_key_is_free_after_its_time,
        SettlesForEveryone => only_the_owner_settles_the_lock,
        ReleasesWithoutWriting => a_released_key_is_free,
        ReleasesForEveryone => only_the_owner_releases_the_lock,
        ReleasesEveryKeyOfTheToken => keys_do_not_affect_each_other,
        ReportsAContextThatItDidNotStore => a_context_reported_as_stored_is_found,
        StoresTheContextOnlyForTheOwner => a_context_reported_as_stored_is_found,
        CountsTheFirstLimitAlone => granted_requests_are_counted,
        CountsEveryRequest => requests_that_are_not_granted_are_not_counted,
        ChecksLimitsBeforeTheKey => a_duplicate_is_answered_before_the_limits,
        TakesTheKeyOfARefusedRequest => a_reached_limit_refuses_and_leaves_the_key_free,
        LooksBeforeItCounts => a_limit_holds_for_many_acquirers,
        BeginsCountsWithZero => a_limit_without_a_count_asks_for_one,
        KeepsTheLastCount => the_greater_count_is_kept,
        KeepsTheCountOfReleased => a_release_gives_the_counts_back,
        KeepsTheCountOfAnEndedLock => a_release_after_the_end_of_the_lock_gives_the_counts_back,
        GivesBackForEveryone => a_release_gives_the_counts_back,
        GivesBackEveryLimit => a_release_gives_back_only_what_was_counted,
        CountsAllDaysTogether => counts_do_not_affect_each_other,
        CountsAllRevisionsTogether => counts_do_not_affect_each_other,
        SavesUnusedSlots => slots_keep_their_interval,
        LooksForASlotBeforeItTakesIt => slots_keep_their_interval_for_many_acquirers,
        KeepsTheFirstIntervalAlone => a_slot_keeps_every_interval,
        AddsAnIntervalToEachWait => a_slot_is_no_later_than_its_interval,
        TakesASlotForEachRequest => requests_that_are_not_granted_take_no_slot,
        TakesTheSlotOfARefusedWait => a_refused_wait_takes_nothing,
        CountsARefusedWait => a_refused_wait_takes_nothing,
        SharesSlots => slots_do_not_affect_each_other,
        HoldsATrunkForANumber => a_call_that_waits_for_its_number_delays_no_other_one,
        ForgetsSlotsAfterAGap => slots_of_many_numbers_keep_every_interval,
        QuotesTheRequestWhenLost => a_lost_lock_store_is_unavailable,
        HangsWhenLost => a_lost_lock_store_is_unavailable,
        AnswersWhenLost => a_lost_lock_store_is_unavailable,
    }
    refusal_counts, by Store: {
        KeepsTheLastRefusals => refusals_add_up,
        AddsToWhatItRead => refusals_add_up,
        ListsTheLastHourToo => the_refusals_of_a_span_are_listed,
        ListsRefusalsByCode => the_refusals_of_a_span_are_listed,
        QuotesTheRequestWhenLost => lost_refusal_counts_are_unavailable,
        HangsWhenLost => lost_refusal_counts_are_unavailable,
        AnswersWhenLost => lost_refusal_counts_are_unavailable,
    }
    intent_holds, by Holds: {
        SeesHeldKeysFree => a_held_key_is_seen_in_flight,
        ForgetsTheResultsItSees => a_settled_key_is_seen_with_its_result,
        SeesFreeKeysHeld => a_free_key_is_seen_free,
        TakesTheKeysItLooksAt => a_look_takes_nothing,
        QuotesTheRequestWhenLost => a_lost_store_shows_no_holds,
        HangsWhenLost => a_lost_store_shows_no_holds,
        AnswersWhenLost => a_lost_store_shows_no_holds,
    }
    context_cache, by Store: {
        DropsTheContextsReason => a_stored_context_is_found_in_full,
        DropsTheContextsContact => a_stored_inbound_context_is_found_in_full,
        KeepsTheFirstContext => a_context_stored_again_is_replaced,
        KeepsTheFirstKind => a_context_stored_again_is_replaced,
        AnswersSomeContext => an_unknown_conversation_has_no_context,
        NeverForgets => a_context_is_forgotten_after_its_time,
        QuotesTheRequestWhenLost => a_lost_context_store_is_unavailable,
        HangsWhenLost => a_lost_context_store_is_unavailable,
        AnswersWhenLost => a_lost_context_store_is_unavailable,
    }
    call_reader, by Store: {
        DropsTheCallsReason => a_booked_call_is_read,
        DropsTheMetadata => a_booked_call_is_read,
        DropsTheDecision => a_booked_call_is_read,
        DropsTheClientsVariables => a_booked_call_is_read,
        ForgetsTheTenant => another_tenants_call_is_absent,
        ListsTheOldestFirst => history_is_filtered_and_paged,
        ListsDecisions => history_is_filtered_and_paged,
        ListsTranscripts => history_is_filtered_and_paged,
        CountsThePageAlone => history_is_filtered_and_paged,
        TurnsPagesByTimeAlone => history_is_filtered_and_paged,
        FiltersByOneThingAlone => history_is_filtered_and_paged,
        FiltersByTheFirstStatusAlone => history_is_filtered_and_paged,
        ListsUntilInclusively => history_is_filtered_and_paged,
        IgnoresTheAgent => history_is_filtered_and_paged,
        IgnoresTheNumber => history_is_filtered_and_paged,
        CountsEverything => matches_are_counted_up_to_a_limit,
        ForgetsTheTenant => history_is_the_tenants_own,
        LeavesTheStatusToUpdates => the_outcome_of_the_dial_is_read,
        ForgetsWhyTheDialFailed => the_outcome_of_the_dial_is_read,
        ForgetsWhyTheDialWasRefused => the_outcome_of_the_dial_is_read,
        FiltersByTheStoredStatus => a_given_up_call_is_listed_as_unknown,
        QuotesTheRequestWhenLost => a_lost_call_reader_is_unavailable,
        HangsWhenLost => a_lost_call_reader_is_unavailable,
        AnswersWhenLost => a_lost_call_reader_is_unavailable,
    }
    call_updater, by Store: {
        IdentifiesTheFirstCall => a_booked_call_has_an_identity,
        ReadsBeforeItMerges => concurrent_updates_are_all_kept,
        DropsTheTranscript => an_update_is_read_back_in_full,
        KeepsTheLastStatus => an_update_is_read_back_in_full,
        ForgetsWhyItGaveUp => an_update_is_read_back_in_full,
        KeepsTheLastReport => an_update_is_read_back_in_full,
        TakesTheDialForTheLastWord => an_update_may_arrive_before_the_outcome_of_the_dial,
        MergesWithTheDialsFailure => an_update_may_arrive_before_the_outcome_of_the_dial,
        LeavesGivenUpCallsUndecided => a_reported_failure_decides_an_unknown_call,
        LeavesReportedCallsUndecided => a_reported_failure_decides_an_unknown_call,
        ForgetsRecordings => an_attached_recording_is_read_back,
        KeepsTheFirstRecording => a_recording_attached_again_is_replaced,
        TrustsForeignIds => a_call_is_found_by_its_identifiers,
        LocatesTheFirstThatFits => a_call_is_found_by_its_identifiers,
        LocatesKnownConversations => a_call_is_found_by_its_identifiers,
        KnowsNumbersOneWayRound => a_call_is_found_by_its_identifiers,
        LocatesLaterCalls => a_call_is_found_by_its_identifiers,
        LocatesUnendedCallsAlone => a_call_that_has_ended_is_still_found,
        LocatesCallsThatWereNotDialled => a_call_that_was_not_dialled_is_not_found_by_numbers,
        IgnoresForeignIds => a_report_with_a_foreign_id_is_not_matched_by_numbers,
        TakesTheFirstOfTwoCalls => a_conversation_of_two_calls_finds_neither,
        KnowsOneTenantsAgents => known_parties_are_recognized,
        ForgetsEndedCalls => known_parties_are_recognized,
        ForgetsWhenItWasBooked => known_parties_are_recognized,
        KnowsNumbersOneWayRound => known_parties_are_recognized,
        QuotesTheRequestWhenLost => a_lost_call_updater_is_unavailable,
        HangsWhenLost => a_lost_call_updater_is_unavailable,
        AnswersWhenLost => a_lost_call_updater_is_unavailable,
    }
    unfinished_calls, by Store: {
        LeasesWithoutHiding => an_overdue_call_is_leased_to_one_worker,
        LeasesForEver => an_overdue_call_is_leased_to_one_worker,
        LeasesMoreThanTheLimit => an_overdue_call_is_leased_to_one_worker,
        LeasesEndedCalls => only_overdue_calls_are_leased,
        LeasesEndsAsEarlyAsDials => only_overdue_calls_are_leased,
        LeasesGivenUpCalls => only_overdue_calls_are_leased,
        SkipsOldCalls => only_overdue_calls_are_leased,
        LeasesTheOldestAgain => every_overdue_call_has_its_turn,
        LeasesOldCallsAsBriefly => an_older_call_is_leased_for_longer,
        LeasesBeyondTheEnd => a_long_lease_ends_when_the_call_is_given_up,
        LeasesWithoutHiding => an_unrecorded_call_is_leased_to_one_worker,
        LeasesCompletedCallsAlone => only_unrecorded_calls_are_leased,
        TakesEveryCallForRecorded => only_unrecorded_calls_are_leased,
        FetchesStoredRecordings => only_unrecorded_calls_are_leased,
        TrustsTheRecordAlone => a_reported_recording_is_leased_unless_it_is_too_large,
        FetchesWhatIsTooLarge => a_reported_recording_is_leased_unless_it_is_too_large,
        QuotesTheRequestWhenLost => lost_unfinished_calls_are_unavailable,
        HangsWhenLost => lost_unfinished_calls_are_unavailable,
        AnswersWhenLost => lost_unfinished_calls_are_unavailable,
    }
    event_inbox, by Store: {
        ForgetsInACrash => an_accepted_event_survives_a_crash,
        AcceptsTwice => one_of_many_deliveries_is_accepted,
        ForgetsClosedEvents => one_of_many_deliveries_is_accepted,
        LeasesWithoutHiding => an_event_is_leased_to_one_worker,
        LeasesMoreThanTheLimit => an_event_is_leased_to_one_worker,
        KeepsTextsAlone => a_leased_event_is_what_was_accepted,
        LeasesTheNewestFirst => a_leased_event_is_what_was_accepted,
        ForgetsWhoVerified => a_leased_event_is_what_was_accepted,
        LeasesForEver => an_abandoned_event_is_leased_again,
        LetsNewEventsWait => recent_events_are_leased_first,
        LeasesByArrival => waiting_events_take_turns,
        ClosesWithoutWriting => a_closed_event_is_not_leased,
        ReopensPostponed => a_closed_event_is_not_leased,
        PostponesWithoutWriting => a_postponed_event_waits,
        PostponesToTheLeasesEnd => a_postponed_event_waits,
        DropsTheKeyWithTheBody => a_closed_event_can_leave_its_body,
        ClosesWithoutWriting => a_closed_event_can_leave_its_body,
        QuotesTheRequestWhenLost => a_lost_inbox_is_unavailable,
        HangsWhenLost => a_lost_inbox_is_unavailable,
        AnswersWhenLost => a_lost_inbox_is_unavailable,
    }
    event_feed, by Store: {
        WritesBlockedBookings => a_booked_call_writes_an_event,
        WritesEventsOfTheOutcomeAlone => an_answered_call_writes_an_event,
        LeavesAnswersToTheDial => an_answered_call_writes_an_event,
        LeavesEndsToUpdates => a_call_that_was_not_connected_writes_an_event,
        WritesTheLastStepAlone => an_ended_call_writes_an_event,
        WritesNoEventOfRecordings => a_recording_writes_an_event,
        DropsTheEventsConversation => an_event_has_every_field,
        DatesEventsByTheBooking => an_event_has_every_field,
        DropsTheMetadataOfEvents => an_event_has_every_field,
        WritesTheEndOnce => a_later_end_writes_another_event,
        WritesEveryAnswer => an_answer_writes_one_event,
        WritesAnEventForEveryUpdate => no_event_is_written_twice,
        WritesAnEventForEveryRecording => no_event_is_written_twice,
        LeavesGivenUpCallsUnended => a_given_up_call_writes_its_end,
        WritesTheStoredStatus => a_given_up_call_writes_its_end,
        DropsTheEndReason => the_end_of_a_call_has_its_reason,
        PublishesOnEveryWrite => what_is_published_is_read,
        ReadsFromTheSequenceOn => events_are_read_after_any_sequence,
        ForgetsTheTenant => events_are_the_tenants_own,
        PublishesBeforeItShows => no_event_is_passed_over,
        WakesItsOwnReadersAlone => a_waiting_reader_is_answered,
        PollsNowAndThen => a_waiting_reader_is_answered,
        LooksBeforeItListens => a_waiting_reader_is_answered,
        NeverStopsWaiting => a_wait_ends,
        AnswersEveryWaking => a_wait_ends,
        ForgetsTheTenant => the_newest_sequence_is_known,
        SkipsNothing => skipped_numbers_are_not_given,
        SkipsOnce => skipped_numbers_are_not_given,
        ForgetsInACrash => events_survive_a_crash,
        QuotesTheRequestWhenLost => a_lost_feed_is_unavailable,
        HangsWhenLost => a_lost_feed_is_unavailable,
        AnswersWhenLost => a_lost_feed_is_unavailable,
    }
    webhook_endpoints, by Store: {
        RegistersForEveryKind => a_registered_endpoint_is_listed_whole,
        ListsEndpointsById => a_registered_endpoint_is_listed_whole,
        ForgetsTheTenant => another_tenants_endpoints_are_absent,
        CountsBeforeItRegisters => an_organization_has_so_many_endpoints,
        RegistersAUrlTwice => a_url_is_registered_once,
        ChangesTheUrlAlone => a_change_changes_what_it_names,
        ForgetsTheUrlsOfOthers => a_url_of_another_endpoint_is_taken,
        LeavesQueuedDeliveries => a_removed_endpoint_gets_nothing,
        KeepsTheFirstSecret => a_replaced_secret_is_kept_for_a_while,
        ForgetsTheTenant => another_tenants_endpoint_is_left_alone,
        QuotesTheRequestWhenLost => lost_endpoints_are_unavailable,
        HangsWhenLost => lost_endpoints_are_unavailable,
        AnswersWhenLost => lost_endpoints_are_unavailable,
    }
    delivery_queue, by Store: {
        QueuesEveryKind => an_event_is_queued_for_each_endpoint_that_asked,
        CountsAttemptsFromZero => a_delivery_is_leased_with_every_field,
        SignsWithTheNewSecretAlone => a_replaced_secret_signs_for_its_time,
        SignsWithOldSecretsForEver => a_replaced_secret_signs_for_its_time,
        LeasesBySequence => the_longest_due_comes_first,
        LeasesWithoutHiding => a_delivery_is_leased_to_one_worker,
        LeasesMoreThanTheLimit => a_delivery_is_leased_to_one_worker,
        LeasesForEver => an_abandoned_delivery_is_leased_again,
        LetsOneEndpointFillTheLease => a_slow_endpoint_does_not_delay_the_others,
        CountsThisLeaseAlone => a_slow_endpoint_does_not_delay_the_others,
        LeasesByTimeAlone => the_endpoint_with_the_fewest_leases_is_first,
        LetsOneOrganizationFillTheLease => one_organization_leaves_attempts_for_the_others,
        ForgetsTheRunningAttempts => one_organization_leaves_attempts_for_the_others,
        LeasesEventsOfACallTogether => the_events_of_a_call_are_leased_in_order,
        WaitsForTheRetry => a_failed_delivery_holds_nothing_back,
        SendsToSuspendedEndpoints => a_suspended_endpoint_gets_nothing,
        BuriesWithoutSuspending => a_receiver_that_is_gone_suspends_its_endpoint,
        SuspendsWhateverTheUrl => a_receiver_that_is_gone_suspends_its_endpoint,
        SuspendsForLateWorkers => a_late_attempt_suspends_nothing,
        PostponesWithoutWriting => a_postponed_delivery_waits,
        PostponesToTheLeasesEnd => a_postponed_delivery_waits,
        ClosesWithoutWriting => a_concluded_delivery_is_not_leased,
        ReopensPostponed => a_concluded_delivery_is_not_leased,
        LetsLateWorkersConclude => only_the_newest_attempt_concludes,
        ForgetsThatItWasReplayed => an_attempt_before_a_replay_concludes_nothing,
        ExpiresLeasedDeliveries => a_delivery_queued_for_too_long_is_expired,
        ExpiresYoungDeliveries => a_delivery_queued_for_too_long_is_expired,
        ListsTheOldestFirst => deliveries_are_listed_by_state_and_page,
        TurnsPagesByTimeAlone => deliveries_are_listed_by_state_and_page,
        FiltersByOneThingAlone => deliveries_are_listed_by_state_and_page,
        ForgetsTheTenant => deliveries_are_the_tenants_own,
        ReplaysDelivered => a_replay_revives_dead_deliveries,
        CountsOnAfterAReplay => a_replay_revives_dead_deliveries,
        ReplaysTheDeadAlone => a_replay_can_send_delivered_events_again,
        ReplaysToSuspendedEndpoints => a_replay_leaves_suspended_endpoints_alone,
        ForgetsInACrash => deliveries_survive_a_crash,
        QuotesTheRequestWhenLost => a_lost_queue_is_unavailable,
        HangsWhenLost => a_lost_queue_is_unavailable,
        AnswersWhenLost => a_lost_queue_is_unavailable,
    }
    recording_store, by Store: {
        KeepsTextsAlone => a_stored_recording_is_read_back,
        TakesNamesForPaths => names_of_any_kind_are_kept_apart,
        KeepsTheFirstAudio => a_recording_stored_again_is_replaced,
        ReadsFromTheStart => a_part_of_a_recording_is_read,
        TakesThePartForTheWhole => a_part_of_a_recording_is_read,
        ShowsHalfARecording => a_reader_never_sees_half_a_recording,
        StoresTheFirstPart => a_stored_recording_is_read_back,
        StoresWhatCameBeforeAnError => a_stream_that_fails_is_not_stored,
        TakesTheBlameForTheStream => a_stream_that_fails_is_not_stored,
        AnswersSomeRecording => an_absent_recording_is_nothing,
        KeepsRemovedRecordings => a_removed_recording_is_absent,
        RemovesBothFormats => a_removed_recording_is_absent,
        FailsForAbsentRecordings => a_removed_recording_is_absent,
        KeepsRecordingsInTheProcess => a_recording_outlives_the_store_that_took_it,
        QuotesTheRequestWhenLost => a_lost_recording_store_is_unavailable,
        HangsWhenLost => a_lost_recording_store_is_unavailable,
        AnswersWhenLost => a_lost_recording_store_is_unavailable,
    }
    provider_recordings, by Tapes: {
        FetchesTheFirstHalf => a_recording_is_fetched,
        TakesEveryRecordingForWav => a_recording_is_fetched,
        TakesAbsentForUnavailable => a_missing_recording_is_none,
        TakesUnavailableForAbsent => an_unclear_response_is_unavailable,
        TakesACutForTheEnd => an_unclear_response_is_unavailable,
        FetchesAtMost16Mib => a_large_recording_is_fetched_in_chunks,
        FetchesInOneChunk => a_large_recording_is_fetched_in_chunks,
        QuotesTheResponse => an_error_quotes_no_response,
        DialsToLookUp => fetching_never_dials,
        RetriesWithoutALimit => a_fetch_is_at_most_two_requests,
    }
    provider_webhook, by Lines: {
        KnowsTheFirstSecretAlone => a_signed_event_is_verified,
        ParsesBeforeItVerifies => verification_does_not_parse_the_body,
        SignsThePartBeforeTheText => a_changed_body_is_refused,
        ComparesAPartOfTheSignature => a_changed_signature_is_refused,
        TrustsEmptySignatures => an_unsigned_event_is_refused,
        IgnoresTheSignedTime => a_signature_outside_its_window_is_refused,
        ComparesAPartOfTheToken => only_the_configured_bearer_token_is_accepted,
        TrustsWithoutSecrets => nothing_is_verified_without_secrets,
        ReadsEveryBody => an_event_without_credentials_is_not_read,
        ReadsWithAnyToken => an_event_with_another_token_is_not_read,
        ReadsWithAnySignature => a_signature_of_another_form_is_not_read,
        ReadsSignaturesOfAnyTime => a_signature_outside_its_window_is_not_read,
        ReadsForHalfTheWindow => a_verified_event_is_read,
        KeysByTheTime => a_repeated_event_has_the_same_key,
        KeysByTheConversationAlone => another_event_has_another_key,
        KeysByTypeAndConversation => a_fuller_event_has_another_key,
        DropsTheParties => an_event_identifies_its_call,
        DropsTheOrigin => an_event_identifies_its_call,
        TakesFailuresForConversations => an_event_reports_its_call,
        GuessesAtUnknownTypes => an_event_of_an_unknown_type_has_only_a_key,
        TakesEveryBodyForAnEvent => a_body_that_is_not_an_event_is_refused,
        TrustsLargeEvents => a_large_event_is_verified_like_any_other,
        ShortensTheConversation => a_large_recording_is_reported,
        ShortensConversations => no_other_large_event_is_shortened,
        KeysByTheText => nothing_personal_is_shown,
        DropsTheCaller => a_question_is_read,
        RepliesWithoutTheName => a_reply_names_the_caller,
    }
}
