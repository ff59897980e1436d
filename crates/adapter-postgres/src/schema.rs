//! The schema and its migrations.

use domain::ports::PortUnavailable;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::PostgresStore;
use crate::failure::{UNDEFINED_TABLE, because, unavailable};
use crate::statement::Lease;

static MIGRATOR: Migrator = sqlx::migrate!();

impl PostgresStore {
    /// Brings the schema up to date. Safe to run from several processes at once: one migrates, the others wait a minute
    /// for it.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, a migration fails (it then left nothing behind), or the schema was migrated by a
    /// newer program than this.
    pub async fn migrate(&self) -> Result<(), PortUnavailable> {
        // That something is there already, and skipped, is no news.
        let server_settings = [("lock_timeout", "60s"), ("client_min_messages", "warning")];
        let mut connection = self.connect_aside(&server_settings).await?;
        // Not `run`, whose future is not `Send` on a borrowed connection.
        MIGRATOR.run_direct(None, &mut connection, false).await.map_err(|error| failed_migration(&error))
    }

    /// The migrations that this program knows and the schema lacks, by number and name, in order. Empty means that the
    /// schema can be worked with; one that a newer program has migrated further can be too.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or a migration was changed after it was applied.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, PortUnavailable> {
        let listed = self.bounded(async {
            let mut lease = Lease::take(self).await.map_err(|error| unavailable(&error))?;
            let listed = lease.connection().list_applied_migrations(&MIGRATOR.table_name).await;
            lease.give_back();
            match listed {
                Err(MigrateError::Execute(error)) if is_undefined_table(&error) => Ok(Vec::new()),
                listed => listed.map_err(|error| failed_migration(&error)),
            }
        });
        let applied = listed.await?;
        let mut pending = Vec::new();
        for migration in MIGRATOR.iter() {
            match applied.iter().find(|applied| applied.version == migration.version) {
                Some(applied) if applied.checksum == migration.checksum => {}
                Some(_) => return Err(failed_migration(&MigrateError::VersionMismatch(migration.version))),
                None => pending.push(format!("{:04} {}", migration.version, migration.description)),
            }
        }
        Ok(pending)
    }
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|refusal| refusal.code()).as_deref() == Some(UNDEFINED_TABLE)
}

fn failed_migration(error: &MigrateError) -> PortUnavailable {
    match error {
        MigrateError::Execute(cause) => unavailable(cause),
        MigrateError::ExecuteMigration(cause, version) => {
            because(format!("migration {version}: {}", unavailable(cause)))
        }
        MigrateError::VersionMissing(version) => because(format!(
            "migration {version} is applied but unknown: a newer program has migrated this schema"
        )),
        MigrateError::VersionMismatch(version) => {
            because(format!("migration {version} was changed after it was applied"))
        }
        _ => because("the migrations do not fit together"),
    }
}
