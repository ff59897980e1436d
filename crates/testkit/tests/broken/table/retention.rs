//! What is removed by its age.

use super::passes;
use crate::flaw::Flaw;
use crate::harness::Store;

caught! {
    paused = true;
    retention, by Store: {
        RemovesOpenEvents => old_provider_events_are_removed,
        KeepsOldRows => old_provider_events_are_removed,
        IgnoresTheAge => old_provider_events_are_removed,
        RemovesPendingDeliveries => old_deliveries_are_removed,
        KeepsOldRows => old_deliveries_are_removed,
        RemovesWhatIsRunning => old_call_events_are_removed,
        RemovesUnpublishedEvents => old_call_events_are_removed,
        RemovesEventsOfKeys => old_call_events_are_removed,
        KeepsTheSummary => old_transcripts_are_removed,
        RemovesWhatIsRunning => old_transcripts_are_removed,
        IgnoresTheAge => old_transcripts_are_removed,
        IgnoresTheAge => old_recordings_are_listed,
        FetchesRemovedRecordings => a_removed_recording_is_forgotten,
        ForgetsEveryRecording => a_removed_recording_is_forgotten,
        RemovesWhatIsRunning => old_decisions_are_removed,
        IgnoresTheAge => old_decisions_are_removed,
        IgnoresTheAge => old_refusal_counts_are_removed,
        RemovesCountedAttempts => attempts_that_no_cap_counts_are_removed,
        KeepsOldRows => attempts_that_no_cap_counts_are_removed,
        RemovesListedNumbers => numbers_that_left_a_list_are_removed,
        IgnoresTheAge => numbers_that_left_a_list_are_removed,
        IgnoresTheAge => old_calls_are_removed,
        KeepsTheEventsOfRemovedCalls => old_calls_are_removed,
        KeepsTheKeysOfRemovedCalls => old_calls_are_removed,
        RemovesWhatIsRunning => calls_in_use_are_kept,
        RemovesReservedCalls => calls_in_use_are_kept,
        RemovesRecordedCalls => calls_in_use_are_kept,
        RemovesUndeliveredCalls => calls_in_use_are_kept,
        RemovesUnpublishedEvents => calls_in_use_are_kept,
        RemovesMoreThanTheLimit => batches_remove_everything_in_the_end,
        EndsAfterTheFirstBatch => batches_remove_everything_in_the_end,
        QuotesTheRequestWhenLost => a_lost_retention_store_is_unavailable,
        HangsWhenLost => a_lost_retention_store_is_unavailable,
        AnswersWhenLost => a_lost_retention_store_is_unavailable,
    }
}
