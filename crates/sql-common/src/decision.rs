//! The stored form of a decision: the JSON document in `calls.decision`.

use domain::{
    AgentId, AgentReason, CalleeTime, CallerReason, ContactId, Decision, LocalDate, LocalMoment, MinuteOfDay,
    Mode, PhoneNumber, PlaceBasis, Refusal, RefusalCode, Region, RuleGroup, RuleId, RuleVerdict, Timestamp,
    UsedRule, ZoneName,
};
use serde::{Deserialize, Serialize};

use crate::{FromText, Table, Unreadable};

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<StoredRefusal>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<StoredRefusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Chosen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller_number: Option<Chosen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    callee_times: Vec<StoredTime>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<StoredRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens_at_millis: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredRefusal {
    code: String,
    rule: String,
    source: String,
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opens_at_millis: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Chosen {
    value: String,
    why: String,
}

#[derive(Serialize, Deserialize)]
struct StoredTime {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    basis: String,
    zone: String,
    date: String,
    time: String,
}

#[derive(Serialize, Deserialize)]
struct StoredRule {
    id: String,
    version: u32,
    source: String,
    group: String,
    mode: String,
    /// Absent if the rule allows the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refuses: Option<String>,
}

/// The column `calls.decision`.
pub fn write_decision(decision: &Decision) -> String {
    let stored = Stored {
        version: 1,
        refusals: decision.refusals.iter().map(StoredRefusal::from).collect(),
        warnings: decision.warnings.iter().map(StoredRefusal::from).collect(),
        contact_id: decision.contact_id.as_ref().map(ToString::to_string),
        agent: decision
            .agent
            .as_ref()
            .map(|(id, why)| Chosen { value: id.to_string(), why: why.as_str().to_owned() }),
        caller_number: decision
            .caller_number
            .as_ref()
            .map(|(number, why)| Chosen { value: number.as_e164().to_owned(), why: why.as_str().to_owned() }),
        callee_times: decision.callee_local_time.iter().map(StoredTime::from).collect(),
        rules: decision.rules_applied.iter().map(StoredRule::from).collect(),
        opens_at_millis: decision.opens_at.map(Timestamp::unix_millis),
    };
    serde_json::to_string(&stored).expect("structs of texts and numbers are JSON")
}

/// Reads what [`write_decision`] returned. Entries of a list with a name that this release does not
/// know are left out: a later release wrote them.
pub fn read_decision(stored: Option<String>) -> Result<Option<Decision>, Unreadable> {
    let unreadable = || Table("calls").unreadable("decision");
    let Some(json) = stored else { return Ok(None) };
    let stored: Stored = serde_json::from_str(&json).map_err(|_| unreadable())?;
    let refusals = |list: Vec<StoredRefusal>| list.into_iter().filter_map(StoredRefusal::read).collect();
    Ok(Some(Decision {
        refusals: refusals(stored.refusals),
        warnings: refusals(stored.warnings),
        contact_id: stored.contact_id.and_then(|id| ContactId::from_text(&id)),
        agent: stored.agent.and_then(|chosen| {
            let why = named(AgentReason::ALL, AgentReason::as_str, &chosen.why)?;
            Some((AgentId::from_text(&chosen.value)?, why))
        }),
        caller_number: stored.caller_number.and_then(|chosen| {
            let why = named(CallerReason::ALL, CallerReason::as_str, &chosen.why)?;
            Some((PhoneNumber::from_text(&chosen.value)?, why))
        }),
        callee_local_time: stored.callee_times.into_iter().filter_map(StoredTime::read).collect(),
        rules_applied: stored.rules.into_iter().filter_map(StoredRule::read).collect(),
        opens_at: stored.opens_at_millis.map(Timestamp::from_unix_millis),
    }))
}

fn named<T: Copy, const N: usize>(all: [T; N], as_str: fn(T) -> &'static str, name: &str) -> Option<T> {
    all.into_iter().find(|value| as_str(*value) == name)
}

fn code(name: &str) -> Option<RefusalCode> {
    named(RefusalCode::ALL, RefusalCode::as_str, name)
}

impl From<&Refusal> for StoredRefusal {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.as_str().to_owned(),
            rule: refusal.rule_id.0.to_string(),
            source: refusal.source.to_string(),
            detail: refusal.detail.to_string(),
            opens_at_millis: refusal.opens_at.map(Timestamp::unix_millis),
        }
    }
}

impl StoredRefusal {
    fn read(self) -> Option<Refusal> {
        Some(Refusal {
            code: code(&self.code)?,
            rule_id: RuleId(self.rule.into()),
            source: self.source.into(),
            detail: self.detail.into(),
            opens_at: self.opens_at_millis.map(Timestamp::from_unix_millis),
        })
    }
}

impl From<&CalleeTime> for StoredTime {
    fn from(time: &CalleeTime) -> Self {
        Self {
            region: time.region.as_ref().map(|region| region.as_str().to_owned()),
            basis: time.basis.as_str().to_owned(),
            zone: time.zone.as_str().to_owned(),
            date: time.at.date.to_string(),
            time: time.at.minute.to_string(),
        }
    }
}

impl StoredTime {
    fn read(self) -> Option<CalleeTime> {
        Some(CalleeTime {
            region: self.region.as_deref().map(Region::parse).transpose().ok()?,
            basis: named(PlaceBasis::ALL, PlaceBasis::as_str, &self.basis)?,
            zone: ZoneName::parse(&self.zone).ok()?,
            at: LocalMoment {
                date: LocalDate::parse(&self.date).ok()?,
                minute: MinuteOfDay::parse(&self.time).ok()?,
            },
        })
    }
}

impl From<&UsedRule> for StoredRule {
    fn from(rule: &UsedRule) -> Self {
        let refuses = match rule.verdict {
            RuleVerdict::Allows => None,
            RuleVerdict::Refuses(code) => Some(code.as_str().to_owned()),
        };
        Self {
            id: rule.id.0.to_string(),
            version: rule.version,
            source: rule.source.to_string(),
            group: rule.group.as_str().to_owned(),
            mode: rule.mode.as_str().to_owned(),
            refuses,
        }
    }
}

impl StoredRule {
    fn read(self) -> Option<UsedRule> {
        Some(UsedRule {
            id: RuleId(self.id.into()),
            version: self.version,
            source: self.source.into(),
            group: named(RuleGroup::ALL, RuleGroup::as_str, &self.group)?,
            mode: named(Mode::ALL, Mode::as_str, &self.mode)?,
            verdict: match self.refuses {
                None => RuleVerdict::Allows,
                Some(name) => RuleVerdict::Refuses(code(&name)?),
            },
        })
    }
}

#[cfg(test)]
mod tests;
