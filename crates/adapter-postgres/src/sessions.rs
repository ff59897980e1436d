//! How sessions are opened, also through a pooler such as PgBouncer.
//!
//! A pooler in transaction mode runs each transaction of a connection in any of its sessions with the
//! server. Settings that a connection makes, LISTEN, locks of a session, and prepared statements
//! that the pooler does not know, then belong to other connections too. PgBouncer 1.21 and newer
//! knows prepared statements if `max_prepared_statements` is above 0. It accepts no settings for a
//! session, so that those of the role or the database count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::{
    LOSES_STATEMENTS, because, is_lost_statement, passes_when_reconnected, read_only, unavailable,
};
use crate::hosts::{Hosts, Timeline};
use crate::primary::{Role, role_of};

/// How the sessions with certain settings are opened.
#[derive(Clone)]
pub(crate) struct Sessions {
    hosts: Arc<Hosts>,
    may_be_standby: bool,
    settings: Vec<(&'static str, String)>,
    pooler: Arc<Pooler>,
}

/// Why no session was opened.
pub(crate) enum NotOpened {
    /// The servers that respond do not accept writes: none of them is the primary now.
    ReadOnly,
    /// No server responds.
    Failed(sqlx::Error),
}

/// A session, and the history of its server if the server says it.
struct Opened {
    session: PgConnection,
    timeline: Option<Timeline>,
}

impl Opened {
    /// Whether the other server is the primary, and this one a former primary.
    fn is_before(&self, other: &Self) -> bool {
        self.timeline.zip(other.timeline).is_some_and(|(timeline, other)| timeline.is_before(other))
    }
}

/// What is known of a pooler in front of the server.
#[derive(Debug, Default)]
struct Pooler {
    shares_sessions: AtomicBool,
    loses_statements: AtomicBool,
}

/// The statements rely on seeing what was committed before them.
pub(crate) const ISOLATION: (&str, &str) = ("default_transaction_isolation", "read committed");

const WRONG_ISOLATION: &str = "the sessions behind a pooler have another isolation: set default_transaction_isolation \
     to 'read committed' for the role in the database";

/// How long a server has before the next one is tried too.
const HEAD_START: Duration = Duration::from_millis(250);

/// How often the sessions of two connections are compared. While other connections use the pooler,
/// two of ours may have sessions of their own by chance.
const COMPARISONS: usize = 6;

/// Finds itself among the prepared statements, if it still has the name that the driver gave it. A
/// pooler that knows prepared statements gives it another one.
const FIND_ITSELF: &str = r"select name from pg_prepared_statements
     where name like 'sqlx\_s\_%' and statement like '%outdial looks for itself%'";

impl Sessions {
    pub(crate) fn new(hosts: Hosts, may_be_standby: bool) -> Self {
        Self { hosts: Arc::new(hosts), may_be_standby, settings: Vec::new(), pooler: Arc::default() }
    }

    /// The same sessions with more settings.
    pub(crate) fn with(&self, settings: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut sessions = self.clone();
        sessions.settings.extend(settings);
        sessions
    }

    /// The options of a connection to the primary as far as is known, without the settings of its
    /// session.
    pub(crate) fn base(&self) -> &PgConnectOptions {
        self.hosts.preferred()
    }

    /// Opens a session with the primary. A server that responds slowly, or not at all, holds the others
    /// up for [`HEAD_START`] only.
    ///
    /// A former primary may accept writes until it is fenced. So a server that was not the primary of the
    /// last session is compared with those that respond within [`HEAD_START`] more, and a server whose
    /// history is older than one that this process has seen is refused.
    pub(crate) async fn open(&self) -> Result<PgConnection, NotOpened> {
        let mut attempts = JoinSet::new();
        let (is_found, _) = watch::channel(false);
        for (turn, (place, options)) in (0..).zip(self.hosts.in_order()) {
            let (sessions, options, mut is_found) = (self.clone(), options.clone(), is_found.subscribe());
            attempts.spawn(async move {
                // Ends early once a server is found with which this one is to be compared.
                let _ = timeout(HEAD_START * turn, is_found.wait_for(|is_found| *is_found)).await;
                (place, sessions.open_at(&options).await)
            });
        }
        let (mut found, mut failure, mut until) = (None::<(usize, Opened)>, None, None);
        loop {
            let ended = match until {
                Some(until) => timeout_at(until, attempts.join_next()).await.unwrap_or(None),
                None => attempts.join_next().await,
            };
            let Some(ended) = ended else { break };
            let (place, opened) = ended.map_err(|_| NotOpened::Failed(sqlx::Error::WorkerCrashed))?;
            match opened {
                Ok(opened) => {
                    let is_settled =
                        opened.timeline.is_none_or(|timeline| !self.hosts.may_be_former(place, timeline));
                    if self.is_former(&opened) {
                        failure = Some(of_both(failure, NotOpened::ReadOnly));
                        continue;
                    }
                    let is_newer = found.as_ref().is_none_or(|(_, found)| found.is_before(&opened));
                    if is_newer {
                        found = Some((place, opened));
                    }
                    if is_settled {
                        break;
                    }
                    until.get_or_insert_with(|| Instant::now() + HEAD_START);
                    is_found.send_replace(true);
                }
                Err(other) => failure = Some(of_both(failure, other)),
            }
        }
        let Some((place, opened)) = found else { return Err(failure.unwrap_or(NotOpened::ReadOnly)) };
        self.hosts.prefer(place);
        Ok(opened.session)
    }

    /// Whether the server is a former primary: this process has seen one with a newer history.
    fn is_former(&self, opened: &Opened) -> bool {
        let newer = opened.timeline.and_then(|timeline| self.hosts.note(timeline));
        if let Some(newer) = newer {
            tracing::warn!(
                newer_timeline = newer.number,
                "a former primary accepts writes: no session with it is used, and it must be stopped"
            );
        }
        newer.is_some()
    }

    /// Opens a session with the primary, if it is this server. A pooler may refuse settings, or ignore
    /// them.
    async fn open_at(&self, server: &PgConnectOptions) -> Result<Opened, NotOpened> {
        let settings = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        let opened = match server.clone().options(settings).connect().await {
            Err(error) if refuses_settings(&error) => server.connect().await,
            opened => opened,
        };
        let mut session = opened.map_err(NotOpened::Failed)?;
        if self.may_be_standby {
            return Ok(Opened { session, timeline: None });
        }
        match role_of(&mut session).await {
            Ok(Role { is_primary: true, timeline }) => Ok(Opened { session, timeline }),
            Ok(Role { is_primary: false, .. }) => Err(NotOpened::ReadOnly),
            Err(error) => Err(NotOpened::Failed(error)),
        }
    }

    /// Whether a pooler runs the transactions of several connections in one session.
    pub(crate) fn are_shared(&self) -> bool {
        self.pooler.shares_sessions.load(Ordering::Relaxed)
    }

    /// Notes an error: that of a statement that a pooler has lost.
    pub(crate) fn note(&self, error: &sqlx::Error) {
        if is_lost_statement(error) {
            self.pooler.loses_statements.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a statement was lost since the pooler was last checked.
    pub(crate) fn lose_statements(&self) -> bool {
        self.pooler.loses_statements.load(Ordering::Relaxed)
    }

    /// Looks for a pooler that shares sessions. Refuses one that loses prepared statements: every
    /// call would fail once there are two at the same time. Warns if the settings of its sessions
    /// are other ones.
    pub(crate) async fn check_pooler(&self) -> Result<(), PortUnavailable> {
        match self.find_pooler().await? {
            None => {}
            Some(Found::LosesStatements) => return Err(because(LOSES_STATEMENTS)),
            Some(Found::KeepsStatements { different }) => self.accept_pooler(&different)?,
        }
        self.pooler.loses_statements.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn accept_pooler(&self, different: &[(&'static str, String)]) -> Result<(), PortUnavailable> {
        if different.iter().any(|(name, _)| *name == ISOLATION.0) {
            return Err(because(WRONG_ISOLATION));
        }
        let is_new = !self.pooler.shares_sessions.swap(true, Ordering::Relaxed);
        if is_new && !different.is_empty() {
            let settings: Vec<_> = different.iter().map(|(name, value)| format!("{name}={value}")).collect();
            tracing::warn!(
                settings = settings.join(", "),
                "the sessions behind a pooler lack settings: set them for the role in the database, as docs/operations/pgbouncer.md says"
            );
        }
        Ok(())
    }

    async fn find_pooler(&self) -> Result<Option<Found>, PortUnavailable> {
        let (one, other) = (self.open().await?, self.open().await?);
        self.compare(one, other).await.map_err(|error| unavailable(&error))
    }

    async fn compare(
        &self,
        mut one: PgConnection,
        mut other: PgConnection,
    ) -> Result<Option<Found>, sqlx::Error> {
        let (first_of_one, first_of_other) = (session_of(&mut one).await?, session_of(&mut other).await?);
        let mut are_shared = first_of_one == first_of_other;
        for _ in 1..COMPARISONS {
            are_shared = are_shared
                || session_of(&mut one).await? != first_of_one
                || session_of(&mut other).await? != first_of_other;
        }
        let found = if are_shared { Some(self.inspect(&mut one).await?) } else { None };
        one.close().await?;
        other.close().await?;
        Ok(found)
    }

    async fn inspect(&self, connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let name = match sqlx::query_scalar::<_, String>(FIND_ITSELF).fetch_optional(&mut *transaction).await
        {
            // Another connection has given the name already.
            Err(error) if is_lost_statement(&error) => return Ok(Found::LosesStatements),
            name => name?,
        };
        if let Some(name) = name {
            // Otherwise it stays in the session, under a name that others use.
            let deallocate = AssertSqlSafe(format!("deallocate {name}"));
            sqlx::raw_sql(deallocate).execute(&mut *transaction).await?;
            transaction.commit().await?;
            return Ok(Found::LosesStatements);
        }
        let mut different = Vec::new();
        for (name, value) in &self.settings {
            let shown =
                sqlx::raw_sql(AssertSqlSafe(format!("show {name}"))).fetch_one(&mut *transaction).await?;
            if !means(shown.try_get::<&str, _>(0)?, value) {
                different.push((*name, value.clone()));
            }
        }
        transaction.commit().await?;
        Ok(Found::KeepsStatements { different })
    }
}

impl From<NotOpened> for PortUnavailable {
    fn from(failure: NotOpened) -> Self {
        match failure {
            NotOpened::ReadOnly => read_only(),
            NotOpened::Failed(error) => unavailable(&error),
        }
    }
}

/// What two failures mean together. A server that became a standby: a failover is under way. Then a server
/// that does not respond: it may be the primary, so that the refusal of another one, such as a wrong
/// password, does not last for all of them.
fn of_both(known: Option<NotOpened>, other: NotOpened) -> NotOpened {
    let weight = |failure: &NotOpened| match failure {
        NotOpened::ReadOnly => 2,
        NotOpened::Failed(error) if !is_refusal(error) => 1,
        NotOpened::Failed(_) => 0,
    };
    match known {
        Some(known) if weight(&known) >= weight(&other) => known,
        _ => other,
    }
}

/// Whether the server responded, and will refuse the next session too.
fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some() && !passes_when_reconnected(error)
}

/// A pooler that shares sessions.
enum Found {
    LosesStatements,
    KeepsStatements {
        /// Those of our settings that its sessions do not have.
        different: Vec<(&'static str, String)>,
    },
}

/// The process of the server that runs the session.
async fn session_of(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?;
    row.try_get(0)
}

/// Whether Postgres shows this value for a setting: it shows a time in its largest whole unit.
fn means(shown: &str, value: &str) -> bool {
    let millis = |text: &str| {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor)
    };
    shown == value || millis(shown).is_some_and(|shown| Some(shown) == millis(value))
}

/// Whether the error is that of a pooler which accepts no settings (SQLSTATE 08P01).
fn refuses_settings(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("08P01")
}

#[cfg(test)]
mod tests;
