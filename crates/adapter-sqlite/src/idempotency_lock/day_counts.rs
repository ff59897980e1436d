//! How many requests each limit of a day has counted. The caller runs all of it in one transaction.

use std::time::Duration;

use domain::ports::{DayLimit, DayScope, HoldResult, LockRequest, PortUnavailable};
use domain::{IntentKey, OwnerToken, Slot};
use sqlx::SqliteConnection;

use crate::clock::HostTime;
use crate::failure::failed;
use crate::statement::{execute, row};

/// How long a store knows what has counted a request: longer than a call may take to its outcome.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

/// Counts a request in each of its limits: `Granted`, unless a limit is reached or has no count, or its
/// slot is too far ahead.
pub(super) async fn count(
    writer: &mut SqliteConnection,
    limits: &[DayLimit],
    slot: Slot,
    now: HostTime,
) -> Result<HoldResult, PortUnavailable> {
    let (mut counts, mut uncounted) = (Vec::new(), Vec::new());
    for limit in limits {
        match find(writer, limit, now).await?.max(limit.counted.map(i64::from)) {
            Some(calls) => counts.push((limit, calls)),
            None => uncounted.push(limit.scope.clone()),
        }
    }
    if !uncounted.is_empty() {
        return Ok(HoldResult::Uncounted(uncounted));
    }
    let reached = counts.iter().find(|(limit, calls)| *calls >= i64::from(limit.limit));
    let result = match (reached, slot) {
        (Some((limit, _)), _) => HoldResult::Refused(limit.scope.refusal()),
        (None, Slot::Beyond(retry_after)) => HoldResult::TooFast { retry_after },
        (None, Slot::In(_)) => HoldResult::Granted,
    };
    // Also if it is refused, so that the ledger is not asked again.
    for (limit, calls) in counts {
        write(writer, limit, calls + i64::from(result == HoldResult::Granted), now).await?;
    }
    Ok(result)
}

/// Remembers which limits have counted a request.
pub(super) async fn remember_request(
    writer: &mut SqliteConnection,
    request: &LockRequest<'_>,
    now: HostTime,
) -> Result<(), PortUnavailable> {
    let names: Vec<&str> = request.limits.iter().map(|limit| columns(&limit.scope).0).collect();
    if names.is_empty() {
        return Ok(());
    }
    let remembered = sqlx::query!(
        "insert into counted_requests (key, token, counted, expires_at) values (?1, ?2, ?3, ?4)
         on conflict (key, token) do update set counted = excluded.counted, expires_at = excluded.expires_at",
        request.key.as_str(),
        request.token.as_str(),
        names.join(","),
        now.wall.after(REMEMBERED_FOR).unix_millis()
    );
    execute(writer, remembered).await.map(drop)
}

/// Forgets it, and returns the names of these limits.
pub(super) async fn forget_request(
    writer: &mut SqliteConnection,
    key: &IntentKey,
    token: &OwnerToken,
) -> Result<Option<String>, PortUnavailable> {
    let forgotten = sqlx::query!(
        "delete from counted_requests where key = ? and token = ? returning counted",
        key.as_str(),
        token.as_str()
    );
    Ok(row(writer, forgotten).await?.map(|request| request.counted))
}

/// Whether a limit is among these.
pub(super) fn is_named(limit: &DayLimit, names: Option<&str>) -> bool {
    let (name, _) = columns(&limit.scope);
    names.is_some_and(|names| names.split(',').any(|counted| counted == name))
}

/// Takes a request out of the counts.
pub(super) async fn give_back(
    writer: &mut SqliteConnection,
    limits: impl Iterator<Item = &DayLimit>,
) -> Result<(), PortUnavailable> {
    for limit in limits {
        let (scope, scope_id) = columns(&limit.scope);
        let given_back = sqlx::query!(
            "update call_day_counts set calls = calls - 1
             where scope = ? and scope_id = ? and day = ? and revision = ? and calls > 0",
            scope,
            scope_id,
            limit.day.from.unix_millis(),
            revision(limit)?
        );
        execute(writer, given_back).await?;
    }
    Ok(())
}

async fn find(
    writer: &mut SqliteConnection,
    limit: &DayLimit,
    now: HostTime,
) -> Result<Option<i64>, PortUnavailable> {
    let (scope, scope_id) = columns(&limit.scope);
    let count = sqlx::query!(
        "select calls from call_day_counts
         where scope = ? and scope_id = ? and day = ? and revision = ? and boot_id is ? and expires_at > ?",
        scope,
        scope_id,
        limit.day.from.unix_millis(),
        revision(limit)?,
        now.boot_id,
        now.wall_millis()
    );
    Ok(row(writer, count).await?.map(|count| count.calls))
}

async fn write(
    writer: &mut SqliteConnection,
    limit: &DayLimit,
    calls: i64,
    now: HostTime,
) -> Result<(), PortUnavailable> {
    let (scope, scope_id) = columns(&limit.scope);
    let written = sqlx::query!(
        "insert into call_day_counts (scope, scope_id, day, revision, calls, boot_id, expires_at)
         values (?, ?, ?, ?, ?, ?, ?)
         on conflict (scope, scope_id, day, revision) do update
             set calls = excluded.calls, boot_id = excluded.boot_id, expires_at = excluded.expires_at",
        scope,
        scope_id,
        limit.day.from.unix_millis(),
        revision(limit)?,
        calls,
        now.boot_id,
        now.wall.after(limit.keep_for).unix_millis()
    );
    execute(writer, written).await.map(drop)
}

fn columns(scope: &DayScope) -> (&'static str, &str) {
    match scope {
        DayScope::User(id) => ("user", id.as_str()),
        DayScope::Organization(id) => ("organization", id.as_str()),
    }
}

fn revision(limit: &DayLimit) -> Result<i64, PortUnavailable> {
    i64::try_from(limit.revision).map_err(|_| failed("a revision of a policy is too large"))
}
