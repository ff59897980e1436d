//! The schema and its migrations.

use domain::ports::PortUnavailable;
use sqlx::PgConnection;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};

use crate::failure::{UNDEFINED_TABLE, because, unavailable};
use crate::statement::{Failure, Work};
use crate::{PostgresStore, SchemaDifference};

static MIGRATOR: Migrator = sqlx::migrate!();

impl PostgresStore {
    /// Brings the schema up to date. Several processes may do so at the same time: one migrates,
    /// the others wait for it, up to a minute.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, a migration fails (its changes are then rolled back), or a
    /// newer program has migrated the schema. If a pooler shares sessions.
    pub async fn migrate(&self) -> Result<(), PortUnavailable> {
        // Its lock is one of a session, which a pooler would give to other connections.
        if self.pooled_sessions.are_shared() {
            return Err(because(
                "migrations cannot run through a pooler in transaction mode: run `outdial migrate` with the URL of Postgres",
            ));
        }
        // Without the notices about things that exist already.
        let server_settings = [
            ("lock_timeout", "60s"),
            ("client_min_messages", "warning"),
            // The role may have limits for statements of calls.
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ];
        let mut connection = self.connect_aside(&server_settings).await?;
        // Not `run`: its future is not `Send` on a borrowed connection.
        MIGRATOR.run_direct(None, &mut connection, false).await.map_err(|error| failed_migration(&error))
    }

    /// The migrations that this program has and the schema lacks, by number and name, in order. An
    /// empty list means that this program can use the schema, also if a newer program has migrated
    /// it further.
    ///
    /// # Errors
    ///
    /// If the server does not respond, or a migration was changed after it was applied.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, PortUnavailable> {
        Ok(SchemaDifference::of(&self.run(&ListApplied).await?)?.missing)
    }
}

impl SchemaDifference {
    fn of(applied: &[AppliedMigration]) -> Result<Self, PortUnavailable> {
        let mut missing = Vec::new();
        for migration in MIGRATOR.iter() {
            match applied.iter().find(|applied| applied.version == migration.version) {
                Some(applied) if applied.checksum == migration.checksum => {}
                Some(_) => return Err(failed_migration(&MigrateError::VersionMismatch(migration.version))),
                None => missing.push(format!("{:04} {}", migration.version, migration.description)),
            }
        }
        let unknown = applied.iter().map(|applied| applied.version);
        Ok(Self { missing, unknown: unknown.filter(|version| !MIGRATOR.version_exists(*version)).collect() })
    }

    /// Reads it in a session that may be read-only.
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Self, PortUnavailable> {
        Self::of(&ListApplied.run(connection).await?)
    }
}

struct ListApplied;

impl Work for ListApplied {
    type Output = Vec<AppliedMigration>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<AppliedMigration>, Failure> {
        match connection.list_applied_migrations(&MIGRATOR.table_name).await {
            Err(MigrateError::Execute(error)) if is_undefined_table(&error) => Ok(Vec::new()),
            Err(MigrateError::Execute(error)) => Err(error.into()),
            listed => listed.map_err(|error| failed_migration(&error).into()),
        }
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
        _ => because("the migrations cannot be run: their files contradict each other"),
    }
}
