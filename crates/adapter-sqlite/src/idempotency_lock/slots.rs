//! The slots in which calls may start. The caller runs all of it in one transaction.

use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{Pace, PaceScope, Slot, Timestamp};
use sqlx::SqliteConnection;

use crate::clock::HostTime;
use crate::statement::{execute, row};

/// Finds the next slot, and takes nothing.
pub(super) async fn find(
    writer: &mut SqliteConnection,
    paces: &[Pace],
    longest_wait: Duration,
    now: HostTime,
) -> Result<Slot, PortUnavailable> {
    let mut last = Vec::with_capacity(paces.len());
    for pace in paces {
        let (scope, id) = columns(&pace.scope);
        let taken = sqlx::query!(
            r#"select taken_at - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "ahead_millis!: i64"
               from call_slots where scope = ?4 and scope_id = ?5"#,
            now.boot_id,
            now.since_boot,
            now.wall_millis(),
            scope,
            id
        );
        let taken = row(writer, taken).await?;
        last.push(
            taken
                .map(|slot| Timestamp::from_unix_millis(now.wall_millis().saturating_add(slot.ahead_millis))),
        );
    }
    Ok(Slot::next(now.wall, paces.iter().zip(last), longest_wait))
}

/// Takes the slot that begins after this time.
pub(super) async fn take(
    writer: &mut SqliteConnection,
    paces: &[Pace],
    wait: Duration,
    now: HostTime,
) -> Result<(), PortUnavailable> {
    for pace in paces {
        let (scope, id) = columns(&pace.scope);
        let taken = sqlx::query!(
            "insert into call_slots (scope, scope_id, taken_at, boot_id, boot_offset) values (?1, ?2, ?3, ?4, ?5)
             on conflict (scope, scope_id) do update
                 set taken_at = excluded.taken_at, boot_id = excluded.boot_id, boot_offset = excluded.boot_offset",
            scope,
            id,
            now.wall.after(wait).unix_millis(),
            now.boot_id,
            now.boot_offset()
        );
        execute(writer, taken).await?;
    }
    Ok(())
}

fn columns(scope: &PaceScope) -> (&'static str, &str) {
    match scope {
        PaceScope::Trunk(id) => ("trunk", id.as_str()),
        PaceScope::Number(id) => ("number", id.as_str()),
    }
}
