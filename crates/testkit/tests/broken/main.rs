//! The suites find faults: honest adapters pass all cases, and each broken one fails the case that
//! is meant for it.

mod account;
mod flaw;
mod harness;
mod http;
mod provider;
mod provider_format;
mod provider_recordings;
mod provider_webhook;
mod records;
mod sender;
mod store;
mod table;

use self::account::Accounts;
use self::harness::Harness;
use self::provider::Line;
use self::provider_recordings::Tapes;
use self::provider_webhook::Lines;
use self::records::Archive;
use self::sender::Sockets;

mod honest {
    use super::{Accounts, Archive, Harness, Line, Lines, Sockets, Tapes};

    testkit::contact_repo_suite!(Harness::honest());
    testkit::agent_repo_suite!(Harness::honest());
    testkit::ai_numbers_suite!(Harness::honest());
    testkit::number_pool_suite!(Harness::honest());
    testkit::user_repo_suite!(Harness::honest());
    testkit::calling_policies_suite!(Harness::honest());
    testkit::audit_log_suite!(Harness::honest());
    testkit::credential_store_suite!(Harness::honest());
    testkit::directory_suite!(Harness::honest());
    testkit::directory_reader_suite!(Harness::honest());
    testkit::idempotency_lock_suite!(Harness::honest());
    testkit::context_cache_suite!(Harness::honest());
    testkit::call_ledger_suite!(Harness::honest());
    testkit::idempotency_keys_suite!(Harness::honest());
    testkit::call_reader_suite!(Harness::honest());
    testkit::call_traces_suite!(Harness::honest());
    testkit::call_updater_suite!(Harness::honest());
    testkit::unfinished_calls_suite!(Harness::honest());
    testkit::event_inbox_suite!(Harness::honest());
    testkit::event_feed_suite!(Harness::honest());
    testkit::webhook_endpoints_suite!(Harness::honest());
    testkit::delivery_queue_suite!(Harness::honest());
    testkit::inbound_directory_suite!(Harness::honest());
    testkit::outbound_directory_suite!(Harness::honest());
    testkit::intent_holds_suite!(Harness::of_locks());

    mod of_ledgers {
        use super::Harness;

        testkit::intent_holds_suite!(Harness::of_ledgers());
    }

    testkit::suppressions_suite!(Harness::honest());
    testkit::consents_suite!(Harness::honest());
    testkit::job_leases_suite!(Harness::honest());
    testkit::ledger_meter_suite!(Harness::honest());
    testkit::provisioning_suite!(Harness::honest());
    testkit::trunk_directory_suite!(Accounts::honest());
    testkit::voice_workspace_suite!(Accounts::honest());
    testkit::retention_suite!(Harness::honest());
    testkit::recording_store_suite!(Harness::honest());
    testkit::refusal_counts_suite!(Harness::honest());
    testkit::voice_provider_suite!(Line::honest().await);
    testkit::provider_records_suite!(Archive::honest().await);
    testkit::webhook_sender_suite!(Sockets::honest());
    testkit::provider_recordings_suite!(Tapes::honest());
    testkit::provider_webhook_suite!(Lines::honest());
}

mod honest_with_less {
    use super::{Harness, Line, Lines};

    testkit::idempotency_lock_suite!(Harness::without_contexts());
    testkit::voice_provider_suite!(Line::honest_and_hasty().await);
    testkit::provider_webhook_suite!(Lines::without_a_token());
}
