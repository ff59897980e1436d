//! The ports of the directory.

use super::passes;
use crate::flaw::Flaw;
use crate::harness::Store;

caught! {
    paused = true;
    contact_repo, by Store: {
        DropsTheLastName => what_is_saved_is_what_is_loaded,
        ForgetsTheTenant => another_tenants_contact_is_absent,
        ForgetsTheTenant => another_tenants_number_is_absent,
        TakesIdsForPatterns => an_unknown_contact_is_absent,
        DropsTheLastName => a_contact_is_found_by_its_number,
        CreatesWhileItFinds => finding_by_number_creates_nothing,
        RenamesKnownContacts => a_known_number_finds_its_contact,
        IgnoresTheOfferedId => a_new_number_makes_a_contact_with_the_offered_id,
        ChecksBeforeItInserts => many_finds_of_one_new_number_make_one_contact,
        ForgetsTheTenant => one_number_in_two_tenants_is_two_contacts,
        QuotesTheRequestWhenLost => a_lost_contact_store_is_unavailable,
        HangsWhenLost => a_lost_contact_store_is_unavailable,
        AnswersWhenLost => a_lost_contact_store_is_unavailable,
    }
    agent_repo, by Store: {
        TakesEveryAgentForEnabled => an_agent_is_loaded_as_it_was_saved,
        ForgetsTheTenant => another_tenants_agent_is_absent,
        TakesIdsForPatterns => an_unknown_agent_is_absent,
        OrdersAgentsById => the_default_agent_is_the_first_voice_enabled_one,
        OrdersAgentsByTheirLastChange => the_default_agent_is_the_first_voice_enabled_one,
        IgnoresTheSync => a_synced_agent_is_preferred_as_default,
        DefaultsToMuteAgents => without_a_voice_enabled_agent_there_is_no_default,
        QuotesTheRequestWhenLost => a_lost_agent_store_is_unavailable,
        HangsWhenLost => a_lost_agent_store_is_unavailable,
        AnswersWhenLost => a_lost_agent_store_is_unavailable,
    }
    number_pool, by Store: {
        DropsTheProvidersNumber => a_number_is_loaded_as_it_was_saved,
        IgnoresThePosition => the_default_number_is_the_first_that_serves_ai_calls,
        DefaultsToEveryCarrier => the_default_number_is_the_first_that_serves_ai_calls,
        DefaultsToOneCarrier => the_default_number_is_the_first_that_serves_ai_calls,
        HidesNumbersThatDoNotServe => the_nearest_number_is_returned_if_none_serves,
        ForgetsTheOtherNumbers => the_other_numbers_follow_in_their_order,
        OffersOthersBesideARequestedNumber => the_other_numbers_follow_in_their_order,
        FiltersTheRequestedNumber => the_requested_number_is_answered_as_it_is,
        LendsNumbersToColleagues => another_users_number_is_absent,
        ForgetsTheTenant => another_tenants_number_is_absent,
        KnowsOnlyTheUsersOwnNumbers => an_own_number_is_recognized_by_number,
        IgnoresTheRecipientsContact => an_own_number_is_recognized_by_contact,
        ForgetsTheTenant => another_tenants_number_is_not_our_own,
        ListsTheUsersNumbersAlone => the_organizations_numbers_are_listed_if_asked,
        AlwaysListsNumbers => the_organizations_numbers_are_listed_if_asked,
        ForgetsTheTenant => the_organizations_numbers_are_listed_if_asked,
        QuotesTheRequestWhenLost => a_lost_number_store_is_unavailable,
        HangsWhenLost => a_lost_number_store_is_unavailable,
        AnswersWhenLost => a_lost_number_store_is_unavailable,
    }
    user_repo, by Store: {
        DropsTheOrganizationsName => a_user_is_found_with_its_organization,
        DropsTheRole => a_user_is_found_with_its_organization,
        TakesIdsForPatterns => an_unknown_user_is_absent,
        QuotesTheRequestWhenLost => a_lost_user_store_is_unavailable,
        HangsWhenLost => a_lost_user_store_is_unavailable,
        AnswersWhenLost => a_lost_user_store_is_unavailable,
    }
    directory, by Store: {
        WritesBeforeTheCommit => an_import_that_is_not_committed_leaves_nothing,
        KeepsTheFirstRecord => a_record_stored_again_is_replaced,
        LeavesThePlaceOfContacts => a_record_stored_again_is_replaced,
        MakesAContactForEveryRecord => a_contact_without_an_id_is_known_by_its_number,
        MovesRecordsBetweenTenants => a_record_cannot_move_to_another_tenant,
        MiscountsRefusals => a_record_of_an_unknown_tenant_is_refused_with_its_index,
        AuditsEveryImportOfAPolicy => an_imported_policy_is_audited,
        FindsNamedContactsOnlyById => what_records_name_is_found,
    }
    calling_policies, by Store: {
        DropsTheCaps => a_stored_policy_is_returned_whole,
        ForgetsTheTenant => another_tenants_policy_is_absent,
        ReplacesAnyRevision => a_policy_of_another_revision_is_left_alone,
        AuditsRefusedChanges => a_policy_of_another_revision_is_left_alone,
        ChecksTheRevisionBeforeItStores => one_of_many_changes_of_a_revision_is_stored,
        SkipsARevision => each_change_has_the_next_revision,
        ForgetsTheUserOfAChange => each_change_of_a_policy_is_audited,
        QuotesTheRequestWhenLost => lost_policies_are_unavailable,
        HangsWhenLost => lost_policies_are_unavailable,
        AnswersWhenLost => lost_policies_are_unavailable,
    }
    audit_log, by Store: {
        ListsOldRecordsFirst => audit_records_are_listed_newest_first,
        ListsRecordsFromTheCursorOn => pages_of_audit_records_neither_repeat_nor_miss_one,
        TakesActionsForPatterns => audit_records_are_filtered_by_action,
        ForgetsTheTenant => another_tenants_audit_records_are_absent,
        QuotesTheRequestWhenLost => a_lost_audit_log_is_unavailable,
        HangsWhenLost => a_lost_audit_log_is_unavailable,
        AnswersWhenLost => a_lost_audit_log_is_unavailable,
    }
    directory_reader, by Store: {
        DropsTheLastName => records_are_listed_whole_and_in_order,
        DropsTheProvidersNumber => records_are_listed_whole_and_in_order,
        ListsInTheOrderOfStoring => records_are_listed_whole_and_in_order,
        ListsFromTheCursorOn => pages_neither_repeat_nor_miss_a_record,
        CountsThePageAlone => pages_neither_repeat_nor_miss_a_record,
        CountsEverything => records_are_counted_up_to_a_limit,
        ForgetsTheTenant => lists_are_the_tenants_own,
        QuotesTheRequestWhenLost => a_lost_directory_reader_is_unavailable,
        HangsWhenLost => a_lost_directory_reader_is_unavailable,
        AnswersWhenLost => a_lost_directory_reader_is_unavailable,
    }
    inbound_directory, by Store: {
        KnowsOnlyNumbersThatServe => a_known_caller_is_identified,
        DropsTheOrganizationsName => a_known_caller_is_identified,
        MakesContactsOfCallers => an_unknown_caller_is_left_unknown,
        GuessesByTheCaller => an_unassigned_number_identifies_no_one,
        TakesTheFirstOfTwoTenants => the_agent_distinguishes_two_tenants_with_one_number,
        TakesTheFirstWithTheAgent => the_agent_distinguishes_two_tenants_with_one_number,
        ForgetsTheTenant => another_tenants_contact_is_no_caller,
        QuotesTheRequestWhenLost => a_lost_inbound_directory_is_unavailable,
        HangsWhenLost => a_lost_inbound_directory_is_unavailable,
        AnswersWhenLost => a_lost_inbound_directory_is_unavailable,
    }
    outbound_directory, by Store: {
        ReplacesAnAbsentAgent => the_parties_are_what_the_four_ports_return,
        JoinsTheFirstNumber => the_parties_are_what_the_four_ports_return,
        TakesIdsForPatterns => an_unknown_user_has_no_parties,
        DropsIncompleteParties => what_is_missing_is_left_out,
        ReplacesAnAbsentAgent => what_is_missing_is_left_out,
        ForgetsTheTenant => another_tenants_parties_are_left_out,
        CreatesWhileItFinds => resolving_a_number_creates_no_contact,
        KeepsTheFirstParties => a_change_is_seen_by_the_next_query,
        ForgetsThePolicy => the_policy_and_the_place_are_found,
        KnowsThePlaceByTheContactAlone => the_policy_and_the_place_are_found,
        SuppressesByTheNumberAlone => a_suppression_is_found_by_number_and_by_contact,
        SuppressesForOneOrganizationAlone => a_suppression_is_found_by_number_and_by_contact,
        SuppressesForEver => a_suppression_is_found_by_number_and_by_contact,
        TakesOldCopiesForTheList => do_not_call_lists_are_found_with_their_dates,
        FindsTheConsentsOfTheNumberAlone => consents_are_found_by_number_and_by_contact,
        FindsNoAttempts => attempts_are_found_by_number_and_subject,
        CountsEverySubject => attempts_are_found_by_number_and_subject,
        AlwaysReadsCalls => the_latest_calls_are_found_if_they_matter,
        TakesTheLastCallForAConversation => the_latest_calls_are_found_if_they_matter,
        ReadsEveryCall => the_latest_calls_are_found_if_they_matter,
        SuppressesForEveryOrganization => another_tenants_facts_are_left_out,
        FindsFactsOfEveryTenant => another_tenants_facts_are_left_out,
        QuotesTheRequestWhenLost => a_lost_outbound_directory_is_unavailable,
        HangsWhenLost => a_lost_outbound_directory_is_unavailable,
        AnswersWhenLost => a_lost_outbound_directory_is_unavailable,
    }
}
