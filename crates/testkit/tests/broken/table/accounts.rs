//! The vendors' accounts, and what is stored of them.

use super::passes;
use crate::account::Accounts;
use crate::flaw::Flaw;
use crate::harness::Store;

caught! {
    paused = true;
    provisioning, by Store: {
        DropsTheProvidersNumber => records_of_every_tenant_are_listed,
        DropsTheRole => records_of_every_tenant_are_listed,
        IgnoresThePosition => records_of_every_tenant_are_listed,
        ListsOrganizationsWithPolicies => every_organization_is_listed_with_its_own_policy,
        TurnsPagesByTheNumberAlone => pages_of_all_tenants_neither_repeat_nor_miss_a_record,
        StoresTheTrunkAlone => what_the_vendors_know_is_stored,
        ForgetsTheTenant => nothing_else_is_changed,
        MovesNumbersToTheFront => nothing_else_is_changed,
        FailsForAbsentRecords => a_change_of_an_absent_record_is_skipped,
        KeepsTheFirstLimit => the_limit_of_a_trunk_is_replaced,
        KeepsOldTrunks => a_carrier_has_one_trunk,
        QuotesTheRequestWhenLost => a_lost_provisioning_store_is_unavailable,
        HangsWhenLost => a_lost_provisioning_store_is_unavailable,
        AnswersWhenLost => a_lost_provisioning_store_is_unavailable,
    }
    ai_numbers, by Store: {
        DropsTheNumbersAgent => a_held_number_is_returned_whole,
        DropsTheProvidersNumber => a_held_number_is_returned_whole,
        LendsNumbersToColleagues => a_number_of_another_user_or_tenant_is_absent,
        GrantsTwice => a_number_is_held_for_one_change,
        HoldsNumbersByTenant => a_number_of_two_tenants_is_held_for_one_change,
        SeesNoOtherTenant => a_number_that_another_tenant_uses_is_reported,
        ReleasesWithoutWriting => a_released_number_is_held_again,
        ReleasesForEveryone => an_expired_hold_is_taken_over,
        LeasesForEver => an_expired_hold_is_taken_over,
        ForgetsTheUserOfAChange => a_change_is_stored_and_audited,
        ForgetsTheTenant => no_other_number_is_changed,
        DropsTheAgentWithAnImport => an_import_keeps_the_agent_of_a_number,
        QuotesTheRequestWhenLost => lost_ai_numbers_are_unavailable,
        HangsWhenLost => lost_ai_numbers_are_unavailable,
        AnswersWhenLost => lost_ai_numbers_are_unavailable,
    }
    trunk_directory, by Accounts: {
        AssumesTheLimit => the_trunk_and_its_numbers_are_read,
        ReadsTheFirstPage => every_page_of_the_trunk_is_read,
        TrustsTheFilter => a_number_of_another_trunk_is_left_out,
        TakesAPartForTheWhole => a_part_of_the_trunk_is_a_failure,
        FoldsRefusals => a_carriers_refusal_says_what_to_change,
        TakesUnavailableForAbsent => an_unreachable_carrier_is_unavailable,
        PutsTheKeyIntoTheError => a_carriers_error_and_the_log_show_no_key,
    }
    voice_workspace, by Accounts: {
        TakesEveryNumberForOutbound => agents_and_numbers_are_listed,
        ReadsTheFirstPage => every_page_of_agents_is_read,
        TakesAPartForTheWhole => a_part_of_the_workspace_is_a_failure,
        FoldsRefusals => a_providers_refusal_says_what_to_change,
        TakesUnavailableForAbsent => an_unreachable_workspace_is_unavailable,
        FindsWebhooksByPrefix => a_created_webhook_is_found,
        CreatesWebhooksOnly => an_activated_webhook_receives_events,
        TakesEveryWebhookForHealthy => the_active_webhook_is_described,
        ReplacesTheWebhook => another_active_webhook_is_not_replaced,
        ImportsWithoutTheAgent => an_imported_number_calls_out_and_has_its_agent,
        ImportsTwice => a_number_is_imported_once,
        LinksEveryNumber => a_linked_number_has_its_agent,
        FailsForRemovedNumbers => a_removed_number_is_not_listed,
        TakesUnavailableForAbsent => a_change_of_a_number_that_fails_is_reported,
        PutsTheKeyIntoTheError => a_workspaces_error_and_the_log_show_no_key,
    }
}
