//! What a client of the gateway gets for each magic number of the simulator.

use std::time::Duration;

use rstest::rstest;
use simulator::MAGIC_NUMBERS;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::World;

/// The simulator's name of a number, the status and the code of the response to a call to it, and
/// how often it is dialled.
const EXPECTED: &[(&str, u16, &str, usize)] = &[
    ("answers_at_once", 200, "", 1),
    ("slow_answer", 500, "CALL_NOT_CONNECTED", 1),
    ("long_ring", 500, "CALL_NOT_CONNECTED", 1),
    ("busy", 500, "CALL_NOT_CONNECTED", 1),
    ("no_answer", 500, "CALL_NOT_CONNECTED", 1),
    ("sip_timeout", 500, "CALL_NOT_CONNECTED", 1),
    ("declined", 500, "CALL_NOT_CONNECTED", 1),
    ("rings_out", 500, "CALL_NOT_CONNECTED", 1),
    ("failure_without_ids", 500, "CALL_NOT_CONNECTED", 1),
    ("success_without_ids", 200, "", 1),
    ("domain_unavailable", 500, "PROVIDER_REJECTED", 1),
    ("caller_not_verified", 500, "PROVIDER_REJECTED", 1),
    ("daily_limit", 500, "PROVIDER_REJECTED", 1),
    ("hangs", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("drops", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("resets", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("internal_error", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("bad_gateway", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("service_unavailable", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("gateway_timeout", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("conflict", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("redirects", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("foreign_page", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("oversize_body", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("truncated_body", 500, "CALL_OUTCOME_UNKNOWN", 1),
    ("unauthorized", 500, "PROVIDER_REJECTED", 0),
    ("payment_required", 500, "PROVIDER_REJECTED", 0),
    ("forbidden", 500, "PROVIDER_REJECTED", 0),
    ("agent_not_found", 500, "PROVIDER_REJECTED", 0),
    ("phone_number_not_found", 500, "PROVIDER_REJECTED", 0),
    ("invalid_request", 500, "PROVIDER_REJECTED", 0),
    ("rate_limited", 500, "PROVIDER_REJECTED", 0),
    ("concurrency_blocked", 500, "PROVIDER_REJECTED", 0),
];

/// The ringing timeout of 1 s ends the calls to numbers that ring for longer.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_magic_number_does_what_it_says(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_short_ringing();
    let gateway = world.start().await;
    for magic in MAGIC_NUMBERS {
        let Some((name, status, code, dials)) = EXPECTED.iter().find(|(name, ..)| *name == magic.name) else {
            panic!("the table of expectations has no row for {}: add one", magic.name);
        };
        let response = gateway.client.call_number(magic.number).await;
        let status_and_code = (response.status.as_u16(), response.code());
        assert_eq!(status_and_code, (*status, *code), "{name}: {}", response.body);
        assert_eq!(world.simulator.dials_to(magic.number), *dials, "{name}");
    }
    let stopped = tokio::time::timeout(Duration::from_secs(30), gateway.stop()).await;
    stopped.expect("no dial keeps the gateway from stopping");
}
