//! Each documented number of the simulator, from the other end: what a client of the gateway sees of it.

use std::time::Duration;

use serde_json::json;
use simulator::MAGIC_NUMBERS;

use crate::on_both_backings;

/// The simulator's name of a number, the answer to a call to it, and how often it was dialled.
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

on_both_backings! {
    /// Those that ring for long are cut short by a ringing time-out of a second.
    async fn every_magic_number_does_what_it_says(world: World) {
        let mut world = world;
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "1");
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
        let gateway = world.start().await;
        for magic in MAGIC_NUMBERS {
            let Some((_, status, code, dials)) = EXPECTED.iter().find(|(name, ..)| *name == magic.name) else {
                panic!("{} is not expected to do anything: add it to the table", magic.name);
            };
            let answer = gateway.client.place(json!({ "phoneNumber": magic.number })).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (*status, *code), "{}: {}", magic.name, answer.body);
            assert_eq!(world.simulator.dials_to(magic.number), *dials, "{}", magic.name);
        }
        tokio::time::timeout(Duration::from_secs(30), gateway.stop()).await.expect("nothing is left hanging");
    }
}
