//! The suites of the ports. The vendor is a socket that speaks its format.

#[path = "support/dial_format.rs"]
mod dial_format;
#[path = "support/records_format.rs"]
mod records_format;
#[path = "support/webhook_format.rs"]
mod webhook_format;

use dial_format::ParrotFormat;
use records_format::ParrotRecordsFormat;
use testkit::scripted_records::ScriptedRecords;
use testkit::scripted_vendor::ScriptedVendor;
use webhook_format::ParrotRequests;

testkit::voice_provider_suite!(ScriptedVendor::start(ParrotFormat).await);
testkit::provider_records_suite!(ScriptedRecords::start(ParrotRecordsFormat).await);
testkit::provider_webhook_suite!(ParrotRequests);
