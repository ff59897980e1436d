//! What is measured: the gateway, and the services that it is compared with. Each is a process of its
//! own, with a database of its own.

mod gateway;

pub(crate) use self::gateway::{FIRST_NUMBER, prepare};

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context as _, Result};

use super::http;
use super::load::NextRequest;
use super::process::{Server, command, free_port, wait_until};
use super::service::{CALLS, ServiceSettings, token};
use super::stores::Stores;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Floor,
    FloorWithLedger,
    Stock,
    /// A binary of `outdial`, with a name.
    Gateway(String, PathBuf),
    /// The same, with the embedded file.
    GatewayWithSqlite(String, PathBuf),
}

/// What a candidate uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backends {
    pub(crate) postgres: SocketAddr,
    pub(crate) redis: SocketAddr,
    pub(crate) provider: SocketAddr,
}

pub(crate) struct Candidate {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    number: usize,
    server: Server,
    contacts: u64,
    next_contact: Arc<AtomicU64>,
    token: String,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Floor => "floor",
            Self::FloorWithLedger => "floor with ledger",
            Self::Stock => "stock",
            Self::Gateway(name, _) | Self::GatewayWithSqlite(name, _) => name,
        })
    }
}

/// A prime, so that the requests use all contacts before they use one again.
const STRIDE: u64 = 7919;

fn database(number: usize) -> String {
    format!("candidate_{number}")
}

impl Candidate {
    /// Starts the process, and returns when it serves. Each candidate of a run has another `number`,
    /// which is also the number of its database in Redis.
    pub(crate) async fn start(
        kind: &Kind,
        number: usize,
        stores: &Stores,
        backends: Backends,
        contacts: u64,
    ) -> Result<Self> {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, free_port()?).into();
        let log = stores.folder().join(format!("{}.log", database(number)));
        let command = match kind {
            Kind::Gateway(_, program) => {
                gateway::with_postgres(program, number, stores, backends, address, &log).await?
            }
            Kind::GatewayWithSqlite(_, program) => {
                gateway::with_sqlite(program, number, stores, backends, address, contacts, &log).await?
            }
            Kind::Floor | Kind::FloorWithLedger | Kind::Stock => {
                gateway::create_database(stores, number).await?;
                stores.execute(&database(number), super::floor::LEDGER_TABLES).await?;
                let settings = ServiceSettings {
                    bind: address,
                    postgres: backends.postgres,
                    database: database(number),
                    redis: backends.redis,
                    redis_database: number.to_string(),
                    provider: backends.provider,
                };
                let mut serve = command(std::env::current_exe()?, &log)?;
                serve.arg("service").arg(kind.to_string()).args(settings.to_arguments());
                serve
            }
        };
        let server = Server::start(command, &log)?;
        let (next_contact, token) = (Arc::new(AtomicU64::new(0)), token("u1")?);
        let kind = kind.clone();
        let mut candidate = Self { kind, address, number, server, contacts, next_contact, token };
        let served = candidate.wait_until_it_serves().await;
        served.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        Ok(candidate)
    }

    async fn wait_until_it_serves(&mut self) -> Result<()> {
        let description = format!("{} serves", self.kind);
        let is_gateway = self.kind.is_gateway();
        let path = if is_gateway { "/readyz" } else { "/" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        wait_until(&description, async || {
            self.server.check()?;
            let mut connection = http::Connection::open(self.address).await?;
            let response = connection.exchange(request.as_bytes()).await?;
            Ok(response.is_ok() || !is_gateway)
        })
        .await
    }

    pub(crate) fn process(&self) -> u32 {
        self.server.main.as_raw_nonzero().get().cast_unsigned()
    }

    /// The name of its database in Postgres.
    pub(crate) fn database(&self) -> String {
        database(self.number)
    }

    /// The requests for calls, each to another contact.
    pub(crate) fn calls(&self) -> NextRequest {
        let (next, contacts) = (self.next_contact.clone(), self.contacts);
        let headers = self.authorization();
        Arc::new(move || {
            // In no order, as real requests come.
            let contact = next.fetch_add(1, Relaxed).wrapping_mul(STRIDE) % contacts + 1;
            http::post(CALLS, &headers, &format!(r#"{{"contactId":"c{contact}"}}"#))
        })
    }

    /// The header of the user, with the end of its line.
    pub(crate) fn authorization(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.token)
    }

    /// Prepares the stores for the next measurement.
    pub(crate) async fn clean(&self, stores: &Stores) -> Result<()> {
        if matches!(self.kind, Kind::GatewayWithSqlite(..)) {
            return Ok(());
        }
        stores.flush(self.number).await?;
        stores.execute(&self.database(), "vacuum (analyze)").await
    }
}

impl Kind {
    pub(crate) const fn is_gateway(&self) -> bool {
        matches!(self, Self::Gateway(..) | Self::GatewayWithSqlite(..))
    }
}
