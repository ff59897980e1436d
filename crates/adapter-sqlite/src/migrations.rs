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

/// How the schema of the file differs from that of this program.
pub(crate) struct Difference {
    /// The migrations that the file lacks, oldest first, as `0001 description`.
    pub(crate) missing: Vec<String>,
    /// The numbers of the migrations that only a newer program has.
    pub(crate) unknown: Vec<i64>,
}

/// Compares the schema of the file with that of this program.
pub(crate) async fn difference(connections: &Connections) -> Result<Difference, PortUnavailable> {
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
    let mut missing = Vec::new();
    for migration in MIGRATOR.iter() {
        match applied.iter().find(|applied| applied.version == migration.version) {
            Some(applied) if applied.checksum == migration.checksum => {}
            Some(_) => return Err(refused(MigrateError::VersionMismatch(migration.version))),
            None => missing.push(format!("{:04} {}", migration.version, migration.description)),
        }
    }
    let unknown = applied.iter().map(|applied| applied.version);
    Ok(Difference {
        missing,
        unknown: unknown.filter(|version| !MIGRATOR.version_exists(*version)).collect(),
    })
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
mod tests;
