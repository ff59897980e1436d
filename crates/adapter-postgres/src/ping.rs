use domain::ports::PortUnavailable;
use sqlx::PgConnection;

use crate::PostgresStore;
use crate::primary::is_primary;
use crate::statement::{Failure, Work};

impl PostgresStore {
    /// Checks that the server runs statements and accepts writes, and that no pooler loses them.
    ///
    /// # Errors
    ///
    /// If it does not, within the times of the settings.
    pub async fn ping(&self) -> Result<(), PortUnavailable> {
        self.run(&Ping).await?;
        // A pooler that was replaced or set up differently while the gateway runs.
        if self.pooled_sessions.lose_statements() { self.check_pooler().await } else { Ok(()) }
    }
}

/// A session that is read-only is replaced, and the new one is checked when it is opened.
struct Ping;

impl Work for Ping {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        if is_primary(connection).await? { Ok(()) } else { Err(Failure::ReadOnly) }
    }
}
