//! What a decision on a call depends on, in the row of the parties.

use domain::{
    CallStatus, CallingFacts, Cap, Consent, ConsentKind, ContactPlace, DoNotCallList, LocalDate,
    NotConnectedReason, PacingFacts, Timestamp, TrunkFacts,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Columns, OutboundPartiesColumns, PolicyColumns, Table, Unreadable};

/// The rank of each status of a call that the callee answered.
pub const ANSWERED_RANKS: [i16; 2] =
    [CallStatus::InProgress.rank() as i16, CallStatus::Completed.rank() as i16];
/// The reason of a call that the callee declined.
pub const DECLINED: &str = NotConnectedReason::Declined.as_str();

/// The longest time of a cap that a store can subtract from any time: a century.
const LONGEST_MILLIS: i64 = 100 * 365 * 86_400_000;

#[derive(Serialize)]
struct StoredCap {
    attempts: u32,
    within: i64,
}

/// Caps as a statement reads them: a JSON array of objects with `attempts`, and `within` in
/// milliseconds.
pub fn caps_to_json(caps: &[Cap]) -> String {
    let caps: Vec<StoredCap> =
        caps.iter().map(|cap| StoredCap { attempts: cap.attempts, within: cap_millis(cap.within) }).collect();
    serde_json::to_string(&caps).expect("numbers are always JSON")
}

/// The time of a cap, or for which attempts are remembered, in milliseconds.
pub fn cap_millis(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(LONGEST_MILLIS).min(LONGEST_MILLIS)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListColumns {
    name: Box<str>,
    dated: String,
    has_number: Flag,
}

/// SQLite has no boolean.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Boolean(bool),
    Number(u8),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsentColumns {
    kind: String,
    given_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

#[derive(Default, Deserialize)]
struct LatestColumns {
    conversation: Option<i64>,
    decline: Option<i64>,
    caller: Option<String>,
}

/// Reads the columns that the parties have no part in.
pub(crate) fn read_calling_facts(row: &mut OutboundPartiesColumns) -> Result<CallingFacts, Unreadable> {
    const CONTACTS: Table = Table("contacts");
    const CALLS: Table = Table("calls");
    let policy = match (row.policy.take(), row.policy_revision, row.policy_changed_at) {
        (Some(policy), Some(revision), Some(changed_at)) => {
            let changed_by = row.policy_changed_by.take();
            Some(PolicyColumns { policy, revision, changed_at, changed_by }.read()?)
        }
        _ => None,
    };
    let attempts: Vec<i64> = json(Table("call_attempts"), "attempts", row.attempts.as_deref())?;
    let latest: LatestColumns = json(CALLS, "booked_at", row.latest_calls.as_deref())?;
    Ok(CallingFacts {
        policy,
        place: ContactPlace {
            zone: CONTACTS.read_optional("time_zone", row.time_zone.take())?,
            region: CONTACTS.read_optional("region", row.region.take())?,
        },
        is_suppressed: row.is_suppressed,
        do_not_call_lists: lists(row.do_not_call_lists.as_deref())?,
        consents: consents(row.consents.as_deref())?,
        attempts: attempts.into_iter().map(Timestamp::from_unix_millis).collect(),
        last_conversation: latest.conversation.map(Timestamp::from_unix_millis),
        last_decline: latest.decline.map(Timestamp::from_unix_millis),
        last_caller: CALLS.read_optional("from_number", latest.caller)?,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrunkColumns {
    carrier: String,
    id: String,
    calls_per_second: u32,
    calls: Option<u32>,
}

/// Reads what the pace of a call depends on.
pub(crate) fn read_pacing_facts(
    trunks: Option<&str>,
    organization_calls: Option<i64>,
) -> Result<PacingFacts, Unreadable> {
    const TRUNKS: Table = Table("trunks");
    let trunks: Vec<TrunkColumns> = json(TRUNKS, "calls_per_second", trunks)?;
    let read = |trunk: TrunkColumns| {
        Ok(TrunkFacts {
            carrier: TRUNKS.read("carrier", trunk.carrier)?,
            id: TRUNKS.read("id", trunk.id)?,
            calls_per_second: trunk.calls_per_second,
            calls: trunk.calls,
        })
    };
    Ok(PacingFacts {
        trunks: trunks.into_iter().map(read).collect::<Result<_, _>>()?,
        organization_calls: organization_calls.map(|calls| u32::try_from(calls).unwrap_or(u32::MAX)),
    })
}

fn lists(stored: Option<&str>) -> Result<Vec<DoNotCallList>, Unreadable> {
    const LISTS: Table = Table("do_not_call_lists");
    let lists: Vec<ListColumns> = json(LISTS, "name", stored)?;
    let read = |list: ListColumns| {
        Ok(DoNotCallList {
            name: list.name,
            dated: LISTS.read::<LocalDate>("dated", list.dated)?,
            has_number: matches!(list.has_number, Flag::Boolean(true) | Flag::Number(1..)),
        })
    };
    lists.into_iter().map(read).collect()
}

fn consents(stored: Option<&str>) -> Result<Vec<Consent>, Unreadable> {
    const CONSENTS: Table = Table("consents");
    let consents: Vec<ConsentColumns> = json(CONSENTS, "kind", stored)?;
    let read = |consent: ConsentColumns| {
        let is_kind = |kind: &ConsentKind| kind.as_str() == consent.kind;
        Ok(Consent {
            kind: ConsentKind::ALL.into_iter().find(is_kind).ok_or(CONSENTS.unreadable("kind"))?,
            given_at: Timestamp::from_unix_millis(consent.given_at),
            expires_at: consent.expires_at.map(Timestamp::from_unix_millis),
            revoked_at: consent.revoked_at.map(Timestamp::from_unix_millis),
        })
    };
    consents.into_iter().map(read).collect()
}

/// What a statement made of rows.
fn json<T: DeserializeOwned + Default>(
    table: Table,
    column: &'static str,
    stored: Option<&str>,
) -> Result<T, Unreadable> {
    stored.map_or_else(
        || Ok(T::default()),
        |stored| serde_json::from_str(stored).map_err(|_| table.unreadable(column)),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_ranks_are_those_of_answered_calls() {
        let answered = CallStatus::ALL.into_iter().filter(|status| status.was_answered());
        assert!(answered.map(|status| i16::from(status.rank())).eq(ANSWERED_RANKS));
    }

    #[test]
    fn a_cap_is_written_in_milliseconds_and_is_at_most_a_century() {
        let cap = |attempts, within| Cap { attempts, within, unless_consent: false };
        let caps = [cap(3, Duration::from_secs(86_400)), cap(0, Duration::MAX)];
        let json = r#"[{"attempts":3,"within":86400000},{"attempts":0,"within":3153600000000}]"#;
        assert_eq!(caps_to_json(&caps), json);
    }
}
