//! The floors: a call with raw clients, and as little else as possible. The plain floor has no
//! ledger. The other one writes reservation, call and outbox, without the indexes that webhooks and
//! reconciliation need.

mod pipelined;
mod postgres;
mod redis;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use self::postgres::Postgres;
use self::redis::Redis;
use super::http::{self, Connection, Message};
use super::provider;
use super::service::{CONTEXT_SECS, DATABASE_CONNECTIONS, HOLD_MS, RESOLVE, ServiceSettings, Tokens, new_id};

/// The tables of the ledger. The other tables are those of the gateway.
pub(crate) const LEDGER_TABLES: &str = r#"
    create table lean_reservations (
        key text collate "C" primary key, call_id text collate "C" not null, blocked_until timestamptz not null
    );
    create table lean_calls (
        id text collate "C" primary key, organization_id text collate "C" not null, user_id text not null,
        contact_id text not null, agent_id text not null, from_number text not null, to_number text not null,
        state text not null, conversation_id text, booked_at timestamptz not null default clock_timestamp(),
        settled_at timestamptz
    );
    create table lean_outbox (
        position bigint generated always as identity primary key, call_id text not null, kind text not null,
        happened_at timestamptz not null default clock_timestamp()
    );
"#;

/// Writes nothing if another call holds the reservation.
const BOOK: &str = "
    with reservation as (
        insert into lean_reservations as existing (key, call_id, blocked_until)
        values ($1, $2, clock_timestamp() + interval '120 s')
        on conflict (key) do update set call_id = excluded.call_id, blocked_until = excluded.blocked_until
        where existing.blocked_until < clock_timestamp()
        returning call_id
    ), booked as (
        insert into lean_calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state)
        select call_id, $3, $4, $5, $6, $7, $8, 'dialling' from reservation
        returning id
    )
    insert into lean_outbox (call_id, kind) select id, 'call_initiated' from booked";

/// The reservation ends after as long as the lock.
const SETTLE: &str = "
    with settled as (
        update lean_calls set state = 'placed', conversation_id = $3, settled_at = clock_timestamp()
         where id = $2 returning id
    ), held as (
        update lean_reservations set blocked_until = clock_timestamp() + interval '2 s'
         where key = $1 and call_id = $2
    )
    insert into lean_outbox (call_id, kind) select id, 'call_ringing' from settled";

struct Floor {
    has_ledger: bool,
    tokens: Tokens,
    postgres: Postgres,
    redis: Redis,
    provider: SocketAddr,
    /// Connections that no dial uses.
    idle: Mutex<Vec<Connection>>,
}

/// The body of a request.
#[derive(Deserialize)]
pub(crate) struct CallRequest {
    #[serde(rename = "contactId")]
    pub(crate) contact_id: String,
}

/// The provider's response.
#[derive(Deserialize)]
pub(crate) struct Accepted {
    pub(crate) success: bool,
    pub(crate) conversation_id: String,
}

/// The body of a dial, as the gateway sends it.
#[derive(Serialize)]
struct Dial<'a> {
    agent_id: &'a str,
    agent_phone_number_id: &'a str,
    to_number: &'a str,
    conversation_initiation_client_data: ClientData<'a>,
}

#[derive(Serialize)]
struct ClientData<'a> {
    user_id: &'a str,
    dynamic_variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    caller_name: &'a str,
    caller_number: &'a str,
    org_name: &'a str,
}

/// Serves until the process is killed.
pub(crate) async fn serve(settings: ServiceSettings, has_ledger: bool) -> Result<()> {
    let statements: &[&str] = if has_ledger { &[RESOLVE, BOOK, SETTLE] } else { &[RESOLVE] };
    let postgres = Postgres::connect(settings.postgres, &settings.database, DATABASE_CONNECTIONS, statements);
    let redis = Redis::connect(settings.redis).await?;
    redis.run(&[&["SELECT", &settings.redis_database]]).await?;
    let floor = Arc::new(Floor {
        has_ledger,
        tokens: Tokens::new(),
        postgres: postgres.await?,
        redis,
        provider: settings.provider,
        idle: Mutex::default(),
    });
    let listener = TcpListener::bind(settings.bind).await?;
    loop {
        let connection = Connection::accepted(listener.accept().await?.0)?;
        tokio::spawn(floor.clone().answer(connection));
    }
}

impl Floor {
    async fn answer(self: Arc<Self>, mut connection: Connection) -> Result<()> {
        while let Some(request) = connection.read().await? {
            let response = match self.place(&request).await {
                Ok(body) => http::response("200 OK", &body),
                Err(error) => http::response("500 Internal Server Error", &format!("{error:#}")),
            };
            connection.write(&response).await?;
        }
        Ok(())
    }

    async fn place(&self, request: &Message<'_>) -> Result<String> {
        let user = self.tokens.user(request.header("authorization")).context("no valid token")?;
        let contact = serde_json::from_slice::<CallRequest>(request.body)?.contact_id;
        let resolved = self.postgres.execute(0, &[&user, &contact]).await?.row;
        let [organization, organization_name, name, to, agent, provider_agent, from, provider_number] =
            resolved.as_slice()
        else {
            return Err(anyhow::anyhow!("no such contact"));
        };
        let (call, key) = (new_id(), format!("{user}:{contact}:{agent}:{to}"));
        let lock = self.redis.run(&[&["SET", &key, &call, "NX", "PX", HOLD_MS]]).await?;
        ensure!(lock.starts_with(b"+OK"), "the intent is locked");
        if self.has_ledger {
            let values = [&key, &call, organization, &user, &contact, agent, from, to].map(String::as_str);
            ensure!(self.postgres.execute(1, &values).await?.tag == "INSERT 0 1", "the intent is reserved");
        }
        let dial = serde_json::to_string(&Dial {
            agent_id: provider_agent,
            agent_phone_number_id: provider_number,
            to_number: to,
            conversation_initiation_client_data: ClientData {
                user_id: &call,
                dynamic_variables: Variables {
                    caller_name: name,
                    caller_number: to,
                    org_name: organization_name,
                },
            },
        })?;
        let conversation = self.dial(&dial).await?;
        let context = format!("context:{conversation}");
        let commands: [&[&str]; 2] =
            [&["SET", &key, &conversation, "PX", HOLD_MS], &["SET", &context, &call, "EX", CONTEXT_SECS]];
        let settle = async {
            if self.has_ledger {
                let done = self.postgres.execute(2, &[&key, &call, &conversation]).await?;
                ensure!(done.tag == "INSERT 0 1", "the call is not in the ledger");
            }
            Ok(())
        };
        tokio::try_join!(settle, self.redis.run(&commands))?;
        Ok(format!(
            r#"{{"success":true,"callId":"{call}","conversationId":"{conversation}","deduplicated":false}}"#
        ))
    }

    async fn dial(&self, body: &str) -> Result<String> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.provider).await?,
        };
        let response = connection.exchange(&http::post(provider::PATH, "xi-api-key: key\r\n", body)).await?;
        ensure!(response.is_ok(), "the provider refused");
        let accepted: Accepted = serde_json::from_slice(response.body)?;
        ensure!(accepted.success, "the provider refused");
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(connection);
        }
        Ok(accepted.conversation_id)
    }
}
