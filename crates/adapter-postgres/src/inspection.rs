//! What an operator should know of a server before calls rely on it. It is read in a session of its
//! own, also from a server that is not the primary, which the pool refuses.

use std::time::SystemTime;

use domain::ports::PortUnavailable;
use domain::{ClockReading, Timestamp};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use crate::failure::{because, unavailable};
use crate::hosts::{Hosts, urls};
use crate::primary::{is_primary, role_of};
use crate::sessions::NotOpened;
use crate::{PostgresSettings, PostgresStore};

/// The state of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it is a standby, which copies another server.
    pub is_standby: bool,
    /// Whether its sessions refuse writes: a standby, or a server that an operator made read-only.
    pub is_read_only: bool,
    /// Whether a commit waits for the disk.
    pub is_durable: bool,
    /// Its clock, by which reservations end.
    pub clock: ClockReading,
    /// Where it is in the history of its cluster. `None` if it does not say.
    pub position: Option<Position>,
    /// How its schema differs from that of this program, or why that is not known.
    pub schema: Result<SchemaDifference, PortUnavailable>,
}

/// Where a server is in the history of the writes of its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The cluster: servers that copy each other have the same one.
    pub cluster: i64,
    /// The timeline that a primary continues: a greater one replaces it. `None` for a standby.
    pub timeline: Option<i64>,
    /// The bytes of the log that a primary has written, or that a standby has applied.
    pub bytes: i64,
}

/// The migrations that the schema or this program lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaDifference {
    /// Those that the schema lacks, by number and name, in order.
    pub missing: Vec<String>,
    /// The numbers of those that only a newer program has.
    pub unknown: Vec<i64>,
}

/// How the connections to a server are encrypted, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encryption {
    /// They may be in clear text.
    Optional,
    /// They are encrypted, and the server is not verified.
    Unverified,
    /// They are encrypted, and the server has a certificate of an authority.
    Verified,
    /// They do not leave the machine.
    Local,
}

impl PostgresSettings {
    /// How the URL lets connections be encrypted. Of several servers, the weakest encryption counts.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn encryption(&self) -> Result<Encryption, PortUnavailable> {
        let hosts = Hosts::parse(&self.url).map_err(|error| unavailable(&error))?;
        Ok(hosts.in_order().map(|(_, options)| encryption_of(options)).min().unwrap_or(Encryption::Optional))
    }
}

impl PostgresSettings {
    /// Each server of the URL, as `HOST:PORT`, with the settings of a connection to it alone, whether it is
    /// the primary or not.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn servers(&self) -> Result<Vec<(String, Self)>, PortUnavailable> {
        let urls = urls(&self.url).map_err(|error| unavailable(&error))?;
        let of_server = |url: String| {
            let hosts = Hosts::parse(&url).map_err(|error| unavailable(&error))?;
            let name = format!("{}:{}", hosts.preferred().get_host(), hosts.preferred().get_port());
            Ok((name, Self { url, may_be_standby: true, ..self.clone() }))
        };
        urls.into_iter().map(of_server).collect()
    }
}

fn encryption_of(options: &PgConnectOptions) -> Encryption {
    let host = options.get_host();
    let is_loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if options.get_socket().is_some() || host.starts_with('/') || is_loopback {
        return Encryption::Local;
    }
    match options.get_ssl_mode() {
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => Encryption::Optional,
        PgSslMode::Require => Encryption::Unverified,
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => Encryption::Verified,
    }
}

impl PostgresStore {
    /// Inspects the server. It changes nothing.
    ///
    /// # Errors
    ///
    /// If the server does not respond in time, or refuses the session.
    pub async fn inspect(settings: &PostgresSettings) -> Result<Inspection, PortUnavailable> {
        let store = Self::unconnected(settings)?;
        let standby = Self::unconnected(&PostgresSettings { may_be_standby: true, ..settings.clone() })?;
        let limit = settings.acquire_timeout + settings.statement_timeout;
        let inspected = timeout(limit, async {
            let mut session = match store.pooled_sessions.open().await {
                Err(NotOpened::ReadOnly) => standby.pooled_sessions.open().await?,
                opened => opened?,
            };
            let inspection = inspect(&mut session).await;
            let _ = session.close().await;
            inspection
        })
        .await;
        inspected.unwrap_or_else(|_| Err(because("no response in time")))
    }

    /// Writes a row, and rolls it back.
    ///
    /// # Errors
    ///
    /// If the server is not the primary, does not respond in time, or refuses the write.
    pub async fn probe_write(&self) -> Result<(), PortUnavailable> {
        let mut session = self.connect_aside(&[("statement_timeout", "2s"), ("lock_timeout", "2s")]).await?;
        let probed = async {
            let mut transaction = session.begin().await?;
            // No worker has a job with this name, so that the row waits for no other.
            sqlx::raw_sql("insert into job_leases (job, leased_until) values ('write probe', now())")
                .execute(&mut *transaction)
                .await?;
            transaction.rollback().await?;
            session.close().await
        };
        probed.await.map_err(|error| unavailable(&error))
    }
}

async fn inspect(session: &mut PgConnection) -> Result<Inspection, PortUnavailable> {
    let facts = "select pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_commit')";
    let is_read_only = !is_primary(&mut *session).await.map_err(|error| unavailable(&error))?;
    let facts = sqlx::raw_sql(facts).fetch_one(&mut *session).await.map_err(|error| unavailable(&error))?;
    let clock = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
    let asked_at = SystemTime::now().into();
    let clock = sqlx::raw_sql(clock).fetch_one(&mut *session).await.map_err(|error| unavailable(&error))?;
    let answered_at = SystemTime::now().into();
    let column = |error: sqlx::Error| unavailable(&error);
    let theirs = Timestamp::from_unix_millis(clock.try_get(0).map_err(column)?);
    let position = position_of(session).await;
    let schema = SchemaDifference::read(session).await;
    Ok(Inspection {
        is_standby: facts.try_get(0).map_err(column)?,
        is_read_only,
        is_durable: is_durable(facts.try_get(1).map_err(column)?, facts.try_get(2).map_err(column)?),
        clock: ClockReading { asked_at, theirs, answered_at },
        position,
        schema,
    })
}

/// A server without these functions, or one that forbids them, has no position.
async fn position_of(session: &mut PgConnection) -> Option<Position> {
    let timeline = role_of(session).await.ok()?.timeline;
    let position = "select (select system_identifier from pg_control_system()),
            pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                                 else pg_current_wal_insert_lsn() end, '0/0')::bigint";
    let row = sqlx::raw_sql(position).fetch_one(session).await.ok()?;
    let (cluster, bytes) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
    Some(Position { cluster, timeline: timeline.map(|timeline| timeline.number), bytes })
}

/// The other values of `synchronous_commit` wait for the disk of this server, and some for others too.
fn is_durable(fsync: &str, synchronous_commit: &str) -> bool {
    fsync == "on" && synchronous_commit != "off"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_disk_unless_a_setting_says_otherwise() {
        for (fsync, synchronous_commit, expected) in [
            ("on", "on", true),
            ("on", "local", true),
            ("on", "remote_apply", true),
            ("on", "off", false),
            ("off", "on", false),
        ] {
            assert_eq!(is_durable(fsync, synchronous_commit), expected, "{fsync} {synchronous_commit}");
        }
    }

    #[test]
    fn the_url_decides_how_connections_are_encrypted() {
        for (url, expected) in [
            ("postgres://outdial@127.0.0.1/outdial", Encryption::Local),
            ("postgres://outdial@localhost:5433/outdial", Encryption::Local),
            ("postgres://outdial@[::1]/outdial", Encryption::Local),
            ("postgres://outdial@%2Fvar%2Frun%2Fpostgresql/outdial", Encryption::Local),
            ("postgres://outdial@db.example/outdial", Encryption::Optional),
            ("postgres://outdial@db.example/outdial?sslmode=disable", Encryption::Optional),
            ("postgres://outdial@10.0.0.7/outdial?sslmode=require", Encryption::Unverified),
            ("postgres://outdial@db.example/outdial?sslmode=verify-full", Encryption::Verified),
        ] {
            assert_eq!(PostgresSettings::new(url).encryption(), Ok(expected), "{url}");
        }
    }
}
