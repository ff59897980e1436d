//! Every fault once, with its effect: `chaos check-parts`.

mod probe;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use deadpool_redis::redis;
use sqlx::{Connection, PgConnection};
use tokio::runtime::Runtime;

use super::postgres::Postgres;
use super::preload::Preload;
use super::process::wait_until;
use super::redis::Redis;

/// The process that [`run`] starts.
pub(crate) fn probe(file: Option<String>) -> Result<()> {
    let file = file.context("usage: chaos probe FILE")?;
    Runtime::new()?.block_on(probe::run(Path::new(&file)))
}

pub(crate) fn run() -> Result<()> {
    Runtime::new()?.block_on(async {
        let folder = super::folder()?;
        let preload = Preload::prepare(folder.path())?;
        probe::check(folder.path(), &preload).await?;
        check_redis(folder.path(), &preload).await?;
        check_postgres(folder.path(), &preload).await
    })
}

fn report(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

async fn check_redis(folder: &Path, preload: &Preload) -> Result<()> {
    let mut redis = Redis::start(folder, preload).await?;
    let set = async |redis: &Redis, key: &str| redis.query::<()>(&format!("SET {key} 1")).await;
    let has = async |redis: &Redis, key: &str| redis.query::<bool>(&format!("EXISTS {key}")).await;

    set(&redis, "flushed").await?;
    redis.flush().await?;
    ensure!(!has(&redis, "flushed").await?, "a key survived FLUSHALL");

    set(&redis, "switched").await?;
    redis.wait_for_replica().await?;
    redis.demote().await?;
    let refused = set(&redis, "refused").await.err().context("a replica accepted a write")?;
    let refused = refused.downcast::<redis::RedisError>()?;
    ensure!(refused.code() == Some("READONLY"), "a demoted master answers {refused}");
    let former = redis.address();
    redis.promote().await?;
    ensure!(redis.address() != former && has(&redis, "switched").await?, "a switchover lost a key");
    report("redis: flush, demote, promote")?;

    redis.fail_over(false).await?;
    ensure!(redis.address() == former && has(&redis, "switched").await?, "a failover lost an old key");
    redis.restart().await?;
    redis.detach().await?;
    set(&redis, "late").await?;
    redis.fail_over(true).await?;
    ensure!(!has(&redis, "late").await?, "a lagging replica had the newest key");
    redis.restart().await?;
    report("redis: failover, lagging failover")?;

    redis.kill().await?;
    ensure!(has(&redis, "switched").await.is_err(), "a killed server answers");
    redis.restart().await?;
    ensure!(!has(&redis, "switched").await?, "a key survived a restart without persistence");
    redis.freeze();
    ensure!(has(&redis, "frozen").await.is_err(), "a frozen server answers");
    redis.thaw();
    has(&redis, "thawed").await?;
    report("redis: kill, restart, freeze")?;

    for (step, offset) in [(60, 60), (-60, 0), (-60, -60), (60, 0)] {
        redis.step_clock(step)?;
        let is_set = async || Ok(near(redis.query::<(i64, i64)>("TIME").await?.0, offset)?);
        wait_until("the clock of Redis is set", is_set).await?;
    }
    report("redis: clock")
}

async fn check_postgres(folder: &Path, preload: &Preload) -> Result<()> {
    let mut postgres = Postgres::start(folder, preload).await?;
    statement(&postgres, "create table survives (row int)").await?;
    let mut rows = 0;
    let mut insert = async |postgres: &Postgres| -> Result<()> {
        statement(postgres, "insert into survives values (1)").await?;
        rows += 1;
        let found = number(postgres, "select count(*) from survives").await?;
        ensure!(found == rows, "{found} rows of {rows} survived");
        Ok(())
    };
    insert(&postgres).await?;
    postgres.kill().await?;
    ensure!(number(&postgres, "select 1").await.is_err(), "a killed server answers");
    postgres.restart().await?;
    insert(&postgres).await?;
    report("postgres: kill, restart")?;

    postgres.freeze().await;
    let frozen = statement(&postgres, "insert into survives values (1)");
    let answer = tokio::time::timeout(std::time::Duration::from_secs(1), frozen).await;
    ensure!(answer.is_err(), "a frozen server answers");
    postgres.thaw();
    insert(&postgres).await?;
    let mut client = PgConnection::connect(&postgres.url("postgres")).await?;
    ensure!(postgres.kill_one_backend().await?, "no backend was killed");
    ensure!(sqlx::query("select 1").execute(&mut client).await.is_err(), "a killed backend answers");
    postgres.free_disk().await?;
    insert(&postgres).await?;
    report("postgres: freeze, killed backend")?;

    for from_frozen in [false, true] {
        let former = postgres.address();
        if from_frozen {
            postgres.freeze().await;
        }
        postgres.fail_over().await?;
        ensure!(postgres.address() != former, "a failover leads to the same server");
        insert(&postgres).await?;
        postgres.ensure_standby().await?;
        insert(&postgres).await?;
    }
    report("postgres: failover, standby, failover of a frozen primary")?;

    postgres.fill_disk()?;
    let full = statement(&postgres, "insert into survives values (1)").await;
    ensure!(full.is_err(), "a server with a full disk commits");
    postgres.free_disk().await?;
    insert(&postgres).await?;
    postgres.fail_over().await?;
    insert(&postgres).await?;
    report("postgres: full disk")?;

    for (step, offset) in [(60, 60), (-60, 0), (-60, -60), (60, 0)] {
        postgres.step_clock(step)?;
        let now = "select extract(epoch from now())::bigint";
        let is_set = async || near(number(&postgres, now).await?, offset);
        wait_until("the clock of Postgres is set", is_set).await?;
    }
    report("postgres: clock")
}

async fn statement(postgres: &Postgres, statement: &'static str) -> Result<()> {
    let mut session = PgConnection::connect(&postgres.url("postgres")).await?;
    sqlx::query(statement).execute(&mut session).await?;
    Ok(())
}

async fn number(postgres: &Postgres, query: &'static str) -> Result<i64> {
    let mut session = PgConnection::connect(&postgres.url("postgres")).await?;
    Ok(sqlx::query_scalar(query).fetch_one(&mut session).await?)
}

/// Whether a wall clock shows the time of this host plus `offset`.
fn near(seconds: i64, offset: i64) -> Result<bool> {
    let here = std::time::UNIX_EPOCH.elapsed()?.as_secs().cast_signed();
    Ok((seconds - here - offset).abs() <= 2)
}
