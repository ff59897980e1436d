//! The slots in which calls may start. The caller runs all of it in one transaction.

use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{Gap, Pace, PaceScope, Slot, TakenSlots, Timestamp};
use sqlx::SqliteConnection;

use crate::clock::HostTime;
use crate::failure::failed;
use crate::statement::{execute, row};

/// The next slot of a call, and what is taken in each scope.
pub(super) struct Found {
    pub(super) slot: Slot,
    taken: Vec<Option<TakenSlots>>,
}

/// Finds the next slot, and takes nothing.
pub(super) async fn find(
    writer: &mut SqliteConnection,
    paces: &[Pace],
    longest_wait: Duration,
    now: HostTime,
) -> Result<Found, PortUnavailable> {
    let mut taken = Vec::with_capacity(paces.len());
    for pace in paces {
        let (scope, id) = columns(&pace.scope);
        let stored = sqlx::query!(
            r#"select taken_at - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "ahead_millis!: i64", gaps
               from call_slots where scope = ?4 and scope_id = ?5"#,
            now.boot_id,
            now.since_boot,
            now.wall_millis(),
            scope,
            id
        );
        let stored = row(writer, stored).await?;
        let slots = stored.map(|slots| {
            let last = Timestamp::from_unix_millis(now.wall_millis().saturating_add(slots.ahead_millis));
            let gaps = slots.gaps.as_deref().map_or(Some(Vec::new()), |gaps| read_gaps(gaps, last));
            gaps.map(|gaps| TakenSlots { last, gaps })
                .ok_or_else(|| failed("the gaps of a scope are unreadable"))
        });
        taken.push(slots.transpose()?);
    }
    let slot = Slot::next(now.wall, paces.iter().zip(taken.iter().map(Option::as_ref)), longest_wait);
    Ok(Found { slot, taken })
}

/// Takes the slot that begins after this time.
pub(super) async fn take(
    writer: &mut SqliteConnection,
    paces: &[Pace],
    found: &Found,
    wait: Duration,
    now: HostTime,
) -> Result<(), PortUnavailable> {
    for (pace, before) in paces.iter().zip(&found.taken) {
        let (scope, id) = columns(&pace.scope);
        let taken = TakenSlots::with(before.as_ref(), now.wall.after(wait), pace, now.wall);
        let write = sqlx::query!(
            "insert into call_slots (scope, scope_id, taken_at, boot_id, boot_offset, gaps)
             values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (scope, scope_id) do update
                 set taken_at = excluded.taken_at, boot_id = excluded.boot_id, boot_offset = excluded.boot_offset,
                     gaps = excluded.gaps",
            scope,
            id,
            taken.last.unix_millis(),
            now.boot_id,
            now.boot_offset(),
            write_gaps(&taken)
        );
        execute(writer, write).await?;
    }
    Ok(())
}

/// The gaps, as the migration of their column describes them.
fn write_gaps(taken: &TakenSlots) -> Option<String> {
    let before_last = |at: Timestamp| taken.last.since(at).as_millis();
    let gaps = taken.gaps.iter().map(|gap| format!("{}-{}", before_last(gap.from), before_last(gap.until)));
    Some(gaps.collect::<Vec<_>>().join(",")).filter(|gaps| !gaps.is_empty())
}

fn read_gaps(stored: &str, last: Timestamp) -> Option<Vec<Gap>> {
    let at = |before_last: &str| Some(last.before(Duration::from_millis(before_last.parse().ok()?)));
    let gaps = stored.split(',').map(|gap| {
        let (from, until) = gap.split_once('-')?;
        Some(Gap { from: at(from)?, until: at(until)? })
    });
    gaps.collect()
}

fn columns(scope: &PaceScope) -> (&'static str, &str) {
    match scope {
        PaceScope::Trunk(id) => ("trunk", id.as_str()),
        PaceScope::Number(id) => ("number", id.as_str()),
    }
}
