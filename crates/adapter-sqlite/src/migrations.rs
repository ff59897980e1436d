use domain::ports::PortUnavailable;
use sqlx::Acquire;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::connections::Connections;
use crate::failure::{failed, unavailable};

static MIGRATOR: Migrator = sqlx::migrate!();

/// Brings the schema up to date, in one transaction, and in one process at a time.
pub(crate) async fn run(connections: &Connections) -> Result<(), PortUnavailable> {
    let mut transaction = connections.begin_synced().await?;
    MIGRATOR.run_direct(None, &mut *transaction, false).await.map_err(refused)?;
    transaction.commit().await
}

/// The migrations that the file lacks, oldest first, as `0001 description`.
pub(crate) async fn pending(connections: &Connections) -> Result<Vec<String>, PortUnavailable> {
    let mut reader = connections.read().await?;
    let mut snapshot = reader.begin().await.map_err(unavailable)?;
    let is_migrated: bool = sqlx::query_scalar("select exists (select 1 from sqlite_schema where name = ?)")
        .bind(&*MIGRATOR.table_name)
        .fetch_one(&mut *snapshot)
        .await
        .map_err(unavailable)?;
    let applied = if is_migrated {
        snapshot.list_applied_migrations(&MIGRATOR.table_name).await.map_err(refused)?
    } else {
        Vec::new()
    };
    let mut pending = Vec::new();
    for migration in MIGRATOR.iter() {
        match applied.iter().find(|applied| applied.version == migration.version) {
            Some(applied) if applied.checksum == migration.checksum => {}
            Some(_) => return Err(refused(MigrateError::VersionMismatch(migration.version))),
            None => pending.push(format!("{:04} {}", migration.version, migration.description)),
        }
    }
    Ok(pending)
}

fn refused(error: MigrateError) -> PortUnavailable {
    match error {
        MigrateError::Execute(error) => unavailable(error),
        MigrateError::ExecuteMigration(_, version) => failed(format!("migration {version} failed")),
        MigrateError::VersionMissing(version) => {
            failed(format!("the file was migrated by a newer release: it has migration {version}"))
        }
        MigrateError::VersionMismatch(version) => {
            failed(format!("migration {version} is not the one that the file was migrated with"))
        }
        MigrateError::Dirty(version) => failed(format!("migration {version} was not completed")),
        _ => failed("the migrations cannot be run"),
    }
}

#[cfg(test)]
mod tests {
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
        let expected =
            ["initiated", "unknown", "in-progress", "failed", "failed", "no-answer", "busy", "busy"];
        assert_eq!(ranks.into_iter().map(status).collect::<Vec<_>>(), expected);
    }
}
