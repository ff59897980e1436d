//! What the stores contain, read from the side: not through a gateway and not through a proxy.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use deadpool_redis::redis::{self, aio::MultiplexedConnection};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ColumnIndex, Connection as _, Decode, PgConnection, Row, SqliteConnection, Type};
use tokio::time::timeout;

use super::watch::since_boot;

/// Where the stores are now. A failover moves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Services { postgres: String, redis: String },
}

/// Reads the stores of a run. Clones share the place, and each has connections of its own.
pub(crate) struct View {
    place: Arc<Mutex<Place>>,
    open: Option<Open>,
}

struct Open {
    place: Place,
    database: Database,
    redis: Option<MultiplexedConnection>,
}

enum Database {
    File(SqliteConnection),
    Postgres(PgConnection),
}

/// The owner's token by the intent key that is locked.
pub(crate) type Locks = BTreeMap<String, String>;

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) key: String,
    pub(crate) token: String,
    /// By the clock of its store. It stays in the store for a while after its end.
    pub(crate) is_over: bool,
}

/// The reservations by the ids of their calls.
pub(crate) type Reservations = BTreeMap<String, Reservation>;

/// A row of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct LedgerCall {
    pub(crate) id: String,
    pub(crate) organization: String,
    pub(crate) user: String,
    pub(crate) number: String,
    pub(crate) reason: String,
    pub(crate) state: String,
}

/// A call event, published or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerEvent {
    pub(crate) sequence: Option<u64>,
    pub(crate) organization: String,
    pub(crate) call_id: String,
    pub(crate) kind: String,
}

/// A read of locks or reservations that takes longer counts as failed.
const TIMEOUT: Duration = Duration::from_millis(400);

impl Clone for View {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), open: None }
    }
}

impl View {
    pub(crate) fn of(place: Place) -> Self {
        Self { place: Arc::new(Mutex::new(place)), open: None }
    }

    /// Says where the stores are from now on. Returns whether they were at another place before.
    pub(crate) fn moved_to(&self, place: Place) -> bool {
        let mut known = self.place.lock().expect("no panic while the place is locked");
        let has_moved = *known != place;
        *known = place;
        has_moved
    }

    /// The locks that are held now.
    pub(crate) async fn locks(&mut self) -> anyhow::Result<Locks> {
        self.soon(async |view| {
            match view.redis().await? {
                Some(redis) => locks_in_redis(redis).await,
                // A row of this boot ends by the time since boot.
                None => {
                    let now = since_boot().as_millis();
                    let rows = view
                        .rows("select key, token, cast(expires_at - boot_offset as text) from call_locks");
                    let held = rows
                        .await?
                        .into_iter()
                        .filter(|row| row[2].parse::<u128>().is_ok_and(|end| end > now));
                    Ok(held
                        .map(|mut row| (std::mem::take(&mut row[0]), std::mem::take(&mut row[1])))
                        .collect())
                }
            }
        })
        .await
    }

    /// The reservations that exist now, also those that are over.
    pub(crate) async fn reservations(&mut self) -> anyhow::Result<Reservations> {
        const POSTGRES: &str = "select call_id, key, token, \
            case when blocked_until > clock_timestamp() then '1' else '0' end from dial_guards";
        const SQLITE: &str =
            "select call_id, key, token, cast(blocked_until - boot_offset as text) from dial_guards";
        self.soon(async |view| {
            let now = since_boot().as_millis();
            let (statement, now) = match &view.connect().await?.database {
                Database::Postgres(_) => (POSTGRES, 0),
                // A row of this boot ends by the time since boot.
                Database::File(_) => (SQLITE, now),
            };
            let rows = view.rows(statement).await?.into_iter().map(|row| {
                let [call_id, key, token, end] = row.try_into().expect("four columns are selected");
                let is_over = end.parse::<u128>().is_ok_and(|end| end <= now);
                (call_id, Reservation { key, token, is_over })
            });
            Ok(rows.collect())
        })
        .await
    }

    pub(crate) async fn calls(&mut self) -> anyhow::Result<Vec<LedgerCall>> {
        let statement =
            "select id, organization_id, user_id, to_number, coalesce(reason, ''), state from calls";
        let rows = self.rows(statement).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let [id, organization, user, number, reason, state] =
                    row.try_into().expect("six columns are selected");
                LedgerCall { id, organization, user, number, reason, state }
            })
            .collect())
    }

    pub(crate) async fn events(&mut self) -> anyhow::Result<Vec<LedgerEvent>> {
        let statement = "select coalesce(cast(position as text), ''), organization_id, call_id, kind \
                         from call_events order by position, written_order";
        let rows = self.rows(statement).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let [sequence, organization, call_id, kind] =
                    row.try_into().expect("four columns are selected");
                LedgerEvent { sequence: sequence.parse().ok(), organization, call_id, kind }
            })
            .collect())
    }

    /// How many deliveries have neither arrived nor been given up.
    pub(crate) async fn pending_deliveries(&mut self) -> anyhow::Result<u64> {
        let rows = self
            .rows("select cast(count(*) as text) from webhook_deliveries where state = 'pending'")
            .await?;
        Ok(rows[0][0].parse()?)
    }

    async fn soon<T>(&mut self, read: impl AsyncFnOnce(&mut Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let result = timeout(TIMEOUT, read(self)).await.context("the store does not respond").flatten();
        if result.is_err() {
            self.open = None;
        }
        result
    }

    /// The rows of a statement whose columns are text.
    async fn rows(&mut self, statement: &'static str) -> anyhow::Result<Vec<Vec<String>>> {
        let rows = match &mut self.connect().await?.database {
            Database::File(connection) => {
                sqlx::query(statement).fetch_all(connection).await.map(|rows| texts(&rows))
            }
            Database::Postgres(connection) => {
                sqlx::query(statement).fetch_all(connection).await.map(|rows| texts(&rows))
            }
        };
        if rows.is_err() {
            self.open = None;
        }
        Ok(rows??)
    }

    async fn redis(&mut self) -> anyhow::Result<Option<&mut MultiplexedConnection>> {
        Ok(self.connect().await?.redis.as_mut())
    }

    async fn connect(&mut self) -> anyhow::Result<&mut Open> {
        let place = self.place.lock().expect("no panic while the place is locked").clone();
        if self.open.as_ref().is_none_or(|open| open.place != place) {
            self.open = Some(Open::at(place).await?);
        }
        Ok(self.open.as_mut().expect("it was opened"))
    }
}

impl Open {
    async fn at(place: Place) -> anyhow::Result<Self> {
        let (database, redis) = match &place {
            Place::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                (Database::File(SqliteConnection::connect_with(&options).await?), None)
            }
            Place::Services { postgres, redis } => {
                let client = redis::Client::open(redis.as_str())?;
                let redis = client.get_multiplexed_async_connection().await?;
                (Database::Postgres(PgConnection::connect(postgres).await?), Some(redis))
            }
        };
        Ok(Self { place, database, redis })
    }
}

/// The keys are `PREFIX:{INTENT KEY}:lock`, the values `pending:TOKEN` or `settled:TOKEN:RESULT`.
async fn locks_in_redis(redis: &mut MultiplexedConnection) -> anyhow::Result<Locks> {
    let keys: Vec<String> = redis::cmd("KEYS").arg("*:lock").query_async(redis).await?;
    if keys.is_empty() {
        return Ok(Locks::new());
    }
    let values: Vec<Option<String>> = redis::cmd("MGET").arg(&keys).query_async(redis).await?;
    let held = keys.into_iter().zip(values).filter_map(|(key, value)| {
        let key = key.split_once('{')?.1.split_once('}')?.0.to_owned();
        let token = value?.split(':').nth(1)?.to_owned();
        Some((key, token))
    });
    Ok(held.collect())
}

fn texts<R: Row>(rows: &[R]) -> sqlx::Result<Vec<Vec<String>>>
where
    usize: ColumnIndex<R>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    rows.iter().map(|row| (0..row.len()).map(|column| row.try_get(column)).collect()).collect()
}
