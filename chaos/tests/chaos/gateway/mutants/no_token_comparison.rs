//! Lock and ledger that do not compare the owner's token: the caller's token is written over the
//! stored one before each write, over a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis;
use domain::ports::{
    CallLedger, CountQuery, DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
    PortUnavailable, SettleResult, Settlement, UndecidedCall,
};
use domain::{Booking, IntentKey, OwnerToken, Pace, Slot};
use server::Storage;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

pub(super) struct AnyToken<T: ?Sized> {
    pub(super) port: Arc<T>,
    pub(super) owners: Owners,
}

#[async_trait]
impl IdempotencyLock for AnyToken<dyn IdempotencyLock> {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.port.acquire(request).await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.owners.take_lock(key, token).await;
        self.port.renew(key, token, hold_for).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.owners.take_lock(settlement.key, settlement.token).await;
        self.port.settle(settlement).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.owners.take_lock(key, token).await;
        self.port.release(key, token, limits).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.port.next_slot(paces, longest_wait).await
    }
}

#[async_trait]
impl CallLedger for AnyToken<dyn CallLedger> {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        self.port.book(booking).await
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.port.undecided(key).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        self.owners.take_reservation(settlement.key, settlement.token).await;
        self.port.settle(settlement).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.port.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.port.count_since(query).await
    }
}

/// Changes the owners of locks and reservations. A store that fails changes nothing: the write that
/// follows then compares the token.
#[derive(Clone)]
pub(super) struct Owners {
    database_url: String,
    redis: Option<Redis>,
}

#[derive(Clone)]
struct Redis {
    url: String,
    key_prefix: String,
}

/// As long as the ports may take.
const TIMEOUT: Duration = Duration::from_secs(1);

impl Owners {
    pub(super) fn of(storage: &Storage) -> Self {
        match storage {
            Storage::Embedded { path } => {
                Self { database_url: format!("sqlite://{}", path.display()), redis: None }
            }
            Storage::Services { postgres, redis, .. } => {
                let redis = Redis { url: redis.url.clone(), key_prefix: redis.key_prefix.clone() };
                Self { database_url: postgres.url.clone(), redis: Some(redis) }
            }
        }
    }

    async fn take_lock(&self, key: &IntentKey, token: &OwnerToken) {
        let taking = async {
            match &self.redis {
                Some(redis) => redis.take_lock(key, token).await,
                None => self.take_row_of_lock(key, token).await,
            }
        };
        let _ = tokio::time::timeout(TIMEOUT, taking).await;
    }

    async fn take_reservation(&self, key: &IntentKey, token: &OwnerToken) {
        let taking = async {
            if self.redis.is_some() {
                let mut connection = PgConnection::connect(&self.database_url).await?;
                sqlx::query("update dial_guards set token = $2 where key = $1")
                    .bind(key.as_str())
                    .bind(token.as_str())
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
            } else {
                let mut connection = SqliteConnection::connect(&self.database_url).await?;
                sqlx::query("update dial_guards set token = ?2 where key = ?1")
                    .bind(key.as_str())
                    .bind(token.as_str())
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
            }
            anyhow::Ok(())
        };
        let _ = tokio::time::timeout(TIMEOUT, taking).await;
    }

    async fn take_row_of_lock(&self, key: &IntentKey, token: &OwnerToken) -> anyhow::Result<()> {
        let mut connection = SqliteConnection::connect(&self.database_url).await?;
        sqlx::query(
            "update call_locks set token = ?2, outcome = null, call_id = null, conversation_id = null,
                                   carrier_call_id = null, outcome_detail = null
             where key = ?1",
        )
        .bind(key.as_str())
        .bind(token.as_str())
        .execute(&mut connection)
        .await?;
        connection.close().await?;
        Ok(())
    }
}

impl Redis {
    /// Writes the value of a held lock, as `adapter-redis` does.
    async fn take_lock(&self, key: &IntentKey, token: &OwnerToken) -> anyhow::Result<()> {
        let mut connection =
            redis::Client::open(self.url.as_str())?.get_multiplexed_async_connection().await?;
        let key = format!("{}:{{{}}}:lock", self.key_prefix, key.as_str());
        let value = format!("pending:{}", token.as_str());
        let mut set = redis::cmd("SET");
        set.arg(key).arg(value).arg("XX").arg("KEEPTTL");
        let _: redis::Value = set.query_async(&mut connection).await?;
        Ok(())
    }
}
