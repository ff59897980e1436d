//! The adapters that use sockets.

use super::passes;
use crate::flaw::Flaw;
use crate::provider::Line;
use crate::records::Archive;
use crate::sender::Sockets;

caught! {
    paused = false;
    voice_provider, by Line.await: {
        RetriesTheDial => a_dial_is_sent_once,
        FollowsRedirects => a_dial_is_sent_once,
        TriesOnceMore => a_response_is_not_followed_by_another_try,
        ReusesConnections => a_dial_has_a_connection_of_its_own,
        FollowsRedirects => a_redirect_is_not_followed_and_unknown,
        SendsNoCallId => a_dial_carries_what_it_was_given,
        DropsTheReasonVariable => a_dial_carries_what_it_was_given,
        DropsTheClientsVariables => a_dial_carries_the_clients_variables,
        SendsVariablesAsTexts => a_dial_carries_the_clients_variables,
        OmitsAnAbsentReason => an_absent_reason_is_sent_empty,
        SwapsTheIds => an_accepted_dial_is_placed_with_its_ids,
        InsistsOnIds => an_accepted_dial_without_ids_is_placed,
        TakesAnyJsonForPlaced => only_an_acceptance_is_placed,
        TakesEverySuccessForPlaced => only_an_acceptance_is_placed,
        StatesNoCarrier => a_provider_states_its_carriers,
        ClaimsToWaitForTheCallee => a_provider_says_when_it_answers,
        FoldsTheReasons => a_busy_callee_is_not_connected,
        FoldsTheReasons => a_silent_callee_is_not_connected,
        FoldsTheReasons => a_declining_callee_is_not_connected,
        TakesNoConnectionForUnknown => a_refused_connection_is_not_dialled,
        ConnectsWithoutALimit => a_connection_that_is_not_made_is_not_dialled,
        TakesRefusalsForUnknown => a_refusal_in_the_providers_words_is_not_dialled,
        ForgetsTheWait => a_refusal_for_now_says_how_long,
        BelievesTheStatusOfRefusals => only_a_refusal_is_not_dialled,
        TakesErrorsForRefusals => only_a_refusal_is_not_dialled,
        TakesTimeoutsForNotDialled => a_timeout_after_sending_is_an_unknown_outcome,
        FoldsUnknownIntoUnavailable => a_connection_that_breaks_is_an_unknown_outcome,
        FoldsUnknownIntoUnavailable => a_server_error_is_an_unknown_outcome,
        TrustsTheStatus => a_foreign_response_is_an_unknown_outcome,
        TrustsTheStatus => an_unreadable_response_is_an_unknown_outcome,
        WaitsForEver => a_dial_ends_within_its_time,
        QuotesTheNumber => an_outcome_shows_no_personal_data,
        PutsTheKeyIntoTheCode => an_outcome_and_the_log_show_no_key_and_no_number,
        LogsTheKey => an_outcome_and_the_log_show_no_key_and_no_number,
        LogsTheNumber => an_outcome_and_the_log_show_no_key_and_no_number,
        ShowsTheKeyInItsError => an_error_at_start_shows_no_key,
    }
    provider_records, by Archive.await: {
        DropsTheConversation => a_recorded_conversation_is_found,
        FindsByConversationAlone => a_call_is_found_by_our_id,
        ReturnsTheAgentsLastCall => a_call_is_found_by_our_id,
        AcceptsOtherRecords => another_calls_record_is_not_reported,
        ReturnsTheFirstOfTwo => two_calls_with_our_id_are_unavailable,
        TakesEveryEndForCompleted => no_end_is_guessed,
        ReturnsTheAgentsLastCall => a_call_that_was_never_dialled_is_not_recorded,
        TakesAFullListForComplete => a_full_list_without_our_call_is_unavailable,
        AcceptsForeignRecords => a_foreign_record_is_unavailable,
        DialsToLookUp => asking_never_dials,
        TakesUnavailableForAbsent => an_unreachable_provider_is_unavailable,
        PutsTheKeyIntoTheError => an_error_and_the_log_show_no_key,
    }
    webhook_sender, by Sockets: {
        SignsWithTheNewSecretAlone => a_delivery_is_signed_with_every_secret,
        RetriesFailedAttempts => an_attempt_is_one_request,
        SendsTestsUnsigned => a_test_event_is_sent_like_a_delivery,
        FollowsRedirects => a_redirect_is_not_followed,
        TrustsTheStatus => only_a_success_status_is_accepted,
        IgnoresRetryAfter => a_requested_pause_is_returned,
        WaitsForEver => a_slow_receiver_times_out,
        LimitsEachRead => a_slow_receiver_times_out,
        TakesUnreachableForTimedOut => an_unreachable_receiver_has_failed,
        ReadsTheBody => a_response_body_is_not_read,
        SendsInClearText => an_unencrypted_url_is_refused,
        IgnoresUserNames => an_unusable_url_is_refused,
        ComparesAddressesAsText => a_private_address_is_refused_in_every_notation,
        ChecksTheFirstAddressAlone => a_name_with_a_private_address_is_refused,
        TrustsAnEarlierCheck => a_name_that_changes_after_its_check_is_refused,
        ResolvesTwice => a_name_is_resolved_once_for_each_connection,
        TakesUnresolvedForForbidden => a_name_without_addresses_is_unresolved,
        WaitsForEver => a_name_without_addresses_is_unresolved,
    }
}
