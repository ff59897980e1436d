//! The suites bite: an honest adapter passes all of them, and each broken one fails the case that is meant for it.

mod flaw;
mod memory;
mod provider;
mod records;
mod table;

use self::memory::Memory;
use self::provider::Line;
use self::records::Archive;

mod honest {
    use super::{Archive, Line, Memory};

    testkit::contact_repo_suite!(Memory::honest());
    testkit::agent_repo_suite!(Memory::honest());
    testkit::number_pool_suite!(Memory::honest());
    testkit::user_repo_suite!(Memory::honest());
    testkit::directory_suite!(Memory::honest());
    testkit::idempotency_lock_suite!(Memory::honest());
    testkit::context_cache_suite!(Memory::honest());
    testkit::call_ledger_suite!(Memory::honest());
    testkit::call_reader_suite!(Memory::honest());
    testkit::call_updater_suite!(Memory::honest());
    testkit::unfinished_calls_suite!(Memory::honest());
    testkit::event_inbox_suite!(Memory::honest());
    testkit::event_feed_suite!(Memory::honest());
    testkit::webhook_endpoints_suite!(Memory::honest());
    testkit::delivery_queue_suite!(Memory::honest());
    testkit::inbound_directory_suite!(Memory::honest());
    testkit::recording_store_suite!(Memory::honest());
    testkit::voice_provider_suite!(Line::honest());
    testkit::provider_records_suite!(Archive::honest());
}

mod honest_with_less {
    use super::{Line, Memory};

    testkit::idempotency_lock_suite!(Memory::without_contexts());
    testkit::voice_provider_suite!(Line::honest_and_hasty());
}
