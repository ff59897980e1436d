use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::*;

#[tokio::test]
async fn a_call_from_before_the_status_column_has_the_status_of_its_dial() {
    let mut file =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().in_memory(true).foreign_keys(false))
            .await
            .expect("memory");
    let mut migrations = MIGRATOR.iter();
    let mut next = || migrations.next().expect("there are two").sql.clone();
    sqlx::raw_sql(next()).execute(&mut file).await.expect("the file is new");
    sqlx::raw_sql(
        "insert into calls
             (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, booked_at, state,
              outcome_detail, settled_at)
         values ('1', '', '', '', '', '', '', 0, 'dialling', null, null),
                ('2', '', '', '', '', '', '', 0, 'unknown', 'timed-out', 1),
                ('3', '', '', '', '', '', '', 0, 'placed', null, 1),
                ('4', '', '', '', '', '', '', 0, 'not-dialled', 'agent_not_found', 1),
                ('5', '', '', '', '', '', '', 0, 'not-connected', 'failed', 1),
                ('6', '', '', '', '', '', '', 0, 'not-connected', 'no-answer', 1),
                ('7', '', '', '', '', '', '', 0, 'not-connected', 'busy', 1),
                ('8', '', '', '', '', '', '', 0, 'not-connected', 'declined', 1)",
    )
    .execute(&mut file)
    .await
    .expect("foreign keys are off");
    sqlx::raw_sql(next()).execute(&mut file).await.expect("the file has the first migration");
    let ranks: Vec<u8> = sqlx::query_scalar("select status_rank from calls order by id")
        .fetch_all(&mut file)
        .await
        .expect("the column is there");
    let status = |rank| domain::CallStatus::from_rank(rank).expect("a status").as_str();
    let expected = ["initiated", "unknown", "in-progress", "failed", "failed", "no-answer", "busy", "busy"];
    assert_eq!(ranks.into_iter().map(status).collect::<Vec<_>>(), expected);
}
