//! The measuring of the ledger reads what has not ended, and not the whole tables.

use crate::harness::PostgresHarness;

const MEASURING: &str = include_str!("../../src/ledger_meter.sql");

#[tokio::test]
async fn measuring_reads_indexes_and_no_whole_table() {
    let harness = PostgresHarness::new().await;
    // The plan of large tables in which little has not ended.
    harness
        .database()
        .execute(
            "insert into organizations (id, name) values ('o', 'o'); \
             insert into users (id, organization_id, full_name) values ('u', 'o', 'u'); \
             insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, \
                                status_rank, booked_at, settled_at, conversation_id) \
             select 'c' || i, 'o', 'u', 'k', 'a', '+1', '+1', 'placed', case when i % 1000 = 0 then 3 else 7 end, \
                    now() - make_interval(secs => i), now(), 'v' || i \
               from generate_series(1, 20000) as i; \
             insert into call_events (call_id, kind, status_rank, organization_id, position) \
             select 'c' || i, 'call_initiated', 0, 'o', case when i % 1000 = 0 then null else i end \
               from generate_series(1, 20000) as i; \
             insert into provider_events (key, kind, body, received_at, closed_at) \
             select 'e' || i, 'kind', '', now(), case when i % 1000 = 0 then null else now() end \
               from generate_series(1, 20000) as i; \
             insert into webhook_endpoints (id, organization_id, url, kinds, secret, created_at) \
             select 'w' || i, 'o', 'https://example.com', '{call_ended}', '', now() from generate_series(1, 5) as i; \
             insert into webhook_deliveries (position, endpoint_id, state, concluded_at) \
             select i, 'w' || (i % 5 + 1), case when i % 1000 = 0 then 'pending' else 'delivered' end, \
                    case when i % 1000 = 0 then null else now() end \
               from generate_series(1, 20000) as i; \
             analyze",
        )
        .await;
    let mut statement = MEASURING.to_owned();
    for (parameter, value) in [("$1", "100000"), ("$2", "0"), ("$3", "1"), ("$4", "3"), ("$5", "2")] {
        statement = statement.replace(parameter, value);
    }
    let rows = harness.database().query(&format!("explain {statement}")).await;
    let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, 0)).collect();
    let plan = plan.join("\n");
    for table in ["calls", "call_events", "provider_events", "webhook_deliveries"] {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        assert!(plan.contains(&format!(" on {table}")), "{plan}");
    }
}
