//! Each server of a URL with several, the sentinels, and the replica that lists calls.

use adapter_postgres::{Inspection, Position, PostgresSettings, PostgresStore};
use adapter_redis::{RedisSettings, RedisStore, SentinelInspection};
use tokio::task::JoinSet;

use super::{Finding, within};

const SERVER: &str = "database-server";
const HISTORY: &str = "history-database";
const SENTINEL: &str = "redis-sentinel";

/// A replica that lacks more than this shows calls late. A segment of the log.
const BEHIND_BYTES: i64 = 16 << 20;

/// One line for each server, if the URL names several.
pub(super) async fn of_postgres(settings: &PostgresSettings) -> Vec<Finding> {
    // What is wrong with the URL is shown by the check of the database.
    let servers = settings.servers().unwrap_or_default();
    if servers.len() < 2 {
        return Vec::new();
    }
    let mut inspecting = JoinSet::new();
    for (place, (name, settings)) in servers.into_iter().enumerate() {
        inspecting.spawn(async move { (place, name, within(PostgresStore::inspect(&settings)).await) });
    }
    let mut inspected = inspecting.join_all().await;
    inspected.sort_by_key(|(place, ..)| *place);
    let positions: Vec<_> =
        inspected.iter().filter_map(|(.., inspected)| inspected.as_ref().ok()?.position).collect();
    let of = |(_, name, inspected): (usize, String, Result<Inspection, String>)| {
        of_server(inspected.as_ref(), &positions).about(name)
    };
    inspected.into_iter().map(of).collect()
}

fn of_server(inspected: Result<&Inspection, &String>, all: &[Position]) -> Finding {
    let inspection = match inspected {
        Ok(inspection) => inspection,
        Err(error) => {
            let remedy = "start it, or take it out of OUTDIAL_DATABASE_URL";
            return Finding::warning(SERVER, error.clone(), remedy);
        }
    };
    let own = inspection.position;
    let is_replaced = own.is_some_and(|own| {
        all.iter().any(|it| it.cluster == own.cluster && it.timeline.is_some() && it.timeline > own.timeline)
    });
    let is_foreign = own.is_some_and(|own| all.iter().any(|it| it.cluster != own.cluster));
    match inspection {
        _ if is_foreign => Finding::failed(
            SERVER,
            "the servers are of different clusters: they do not copy each other",
            "let OUTDIAL_DATABASE_URL name the servers of one cluster",
        ),
        Inspection { is_standby: true, .. } => Finding::ok(SERVER, "a standby"),
        _ if is_replaced => Finding::failed(
            SERVER,
            "a former primary, which does not copy the new one: calls that are booked there would be lost",
            "stop it, and make it a standby (pg_rewind, or a new copy)",
        ),
        Inspection { is_read_only: true, .. } => {
            let remedy = "set default_transaction_read_only to off, once its cause is gone";
            Finding::warning(SERVER, "a server that refuses writes", remedy)
        }
        _ => Finding::ok(SERVER, "the primary"),
    }
}

/// The replica that lists calls. Without it, they are listed by the primary.
pub(super) async fn of_history(settings: Option<&PostgresSettings>, primary: Option<&Inspection>) -> Finding {
    let Some(settings) = settings else {
        return Finding::unneeded(HISTORY, "OUTDIAL_HISTORY_DATABASE_URL is not set");
    };
    match within(PostgresStore::inspect(settings)).await {
        Ok(inspection) => of_replica(&inspection, primary.and_then(|primary| primary.position)),
        Err(error) => Finding::warning(
            HISTORY,
            format!("{error}; lists of calls are read from the primary"),
            "start it, and let OUTDIAL_HISTORY_DATABASE_URL name it with a role that may log in",
        ),
    }
}

fn of_replica(inspection: &Inspection, primary: Option<Position>) -> Finding {
    let kind = if inspection.is_standby { "a standby" } else { "a server that accepts writes" };
    let (Some(own), Some(primary)) = (inspection.position, primary) else {
        return Finding::ok(HISTORY, format!("{kind}; how far it is behind is not known"));
    };
    if own.cluster != primary.cluster {
        return Finding::failed(
            HISTORY,
            "it is of another cluster than the primary: lists of calls show other data",
            "let OUTDIAL_HISTORY_DATABASE_URL name a standby of the primary",
        );
    }
    // The primary was read before, so that a standby may be ahead of what it said.
    match primary.bytes.saturating_sub(own.bytes).max(0) {
        behind @ BEHIND_BYTES.. => Finding::warning(
            HISTORY,
            format!("{kind}, {} MiB of the log behind the primary: lists show calls late", behind >> 20),
            "find out why it applies the log slowly, or not at all",
        ),
        _ => Finding::ok(HISTORY, format!("{kind} of the same cluster, less than 16 MiB of the log behind")),
    }
}

/// One line for each sentinel, if the URL names them.
pub(super) async fn of_redis(settings: &RedisSettings) -> Vec<Finding> {
    // What is wrong with the URL is shown by the check of Redis.
    let Ok(Some(inspected)) = within(RedisStore::inspect_sentinels(settings)).await else {
        return Vec::new();
    };
    let known = inspected.sentinels.iter().find_map(|sentinel| sentinel.master.as_ref().ok()?.clone());
    let of = |sentinel: &SentinelInspection| {
        of_sentinel(sentinel, &inspected.master, known.as_deref()).about(sentinel.address.clone())
    };
    inspected.sentinels.iter().map(of).collect()
}

fn of_sentinel(sentinel: &SentinelInspection, name: &str, known: Option<&str>) -> Finding {
    match &sentinel.master {
        Ok(Some(master)) if Some(master.as_str()) == known => {
            Finding::ok(SENTINEL, format!("names {master} as the master {name}"))
        }
        Ok(Some(master)) => Finding::warning(
            SENTINEL,
            format!(
                "names {master} as the master {name}, and another sentinel {}",
                known.unwrap_or_default()
            ),
            "wait for the end of a failover; otherwise let both watch the same master",
        ),
        Ok(None) => Finding::failed(
            SENTINEL,
            format!("knows no master with the name {name}"),
            "correct the name of the master in OUTDIAL_REDIS_URL, or let the sentinel watch it",
        ),
        Err(error) => Finding::warning(
            SENTINEL,
            error.to_string(),
            "start it, or take it out of OUTDIAL_REDIS_URL; sentinel_password is its password",
        ),
    }
}

#[cfg(test)]
mod tests {
    use adapter_postgres::SchemaDifference;
    use domain::ports::PortUnavailable;
    use domain::{ClockReading, Timestamp};

    use super::super::State;
    use super::*;

    fn inspection(is_standby: bool, position: Option<(i64, Option<i64>, i64)>) -> Inspection {
        let time = Timestamp::from_unix_millis(0);
        Inspection {
            is_standby,
            is_read_only: is_standby,
            is_durable: true,
            clock: ClockReading { asked_at: time, theirs: time, answered_at: time },
            position: position.map(|(cluster, timeline, bytes)| Position { cluster, timeline, bytes }),
            schema: Ok(SchemaDifference { missing: vec![], unknown: vec![] }),
        }
    }

    #[test]
    fn one_primary_and_its_standbys_are_healthy() {
        let primary = inspection(false, Some((7, Some(2), 100)));
        let standby = inspection(true, Some((7, None, 90)));
        let former = inspection(false, Some((7, Some(1), 200)));
        let foreign = inspection(false, Some((8, Some(1), 200)));
        let state = |one: &Inspection, other: &Inspection| {
            let all: Vec<_> = [one, other].iter().filter_map(|it| it.position).collect();
            of_server(Ok(one), &all).state
        };
        assert_eq!((state(&primary, &standby), state(&standby, &primary)), (State::Ok, State::Ok));
        assert_eq!((state(&primary, &former), state(&former, &primary)), (State::Ok, State::Failed));
        assert_eq!(state(&primary, &foreign), State::Failed);
        let silent = inspection(false, None);
        assert_eq!(state(&silent, &primary), State::Ok);
        assert_eq!(of_server(Err(&"no answer".to_owned()), &[]).state, State::Warning);
    }

    #[test]
    fn a_replica_is_of_the_same_cluster_and_not_far_behind() {
        let primary = Position { cluster: 7, timeline: Some(1), bytes: 100 << 20 };
        for (position, expected) in [
            (Some((7, None, 99 << 20)), State::Ok),
            (Some((7, None, 101 << 20)), State::Ok),
            (Some((7, None, 84 << 20)), State::Warning),
            (Some((8, None, 100 << 20)), State::Failed),
            (None, State::Ok),
        ] {
            let finding = of_replica(&inspection(true, position), Some(primary));
            assert_eq!(finding.state, expected, "{}", finding.found);
        }
    }

    #[test]
    fn a_sentinel_that_does_not_know_the_master_fails() {
        let says = |master| SentinelInspection { address: "a:26379".to_owned(), master };
        let known = Some("10.0.0.1:6379");
        for (master, expected) in [
            (Ok(Some("10.0.0.1:6379".to_owned())), State::Ok),
            (Ok(Some("10.0.0.2:6379".to_owned())), State::Warning),
            (Ok(None), State::Failed),
            (Err(PortUnavailable::new("redis", "no answer")), State::Warning),
        ] {
            let finding = of_sentinel(&says(master), "main", known);
            assert_eq!(finding.state, expected, "{}", finding.found);
        }
    }
}
