//! The stored JSON form of an organization's calling policy.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{
    CallPurpose, CallerNumberStrategy, CallingPolicy, Cap, Country, LocalDate, MinuteOfDay, Mode, Modes,
    OpenHours, PackChoice, RuleGroup, RuleId, ZoneName,
};
use serde::{Deserialize, Serialize};

use crate::{Table, Unreadable};

const POLICIES: Table = Table("calling_policies");

/// The column `calling_policies.policy`. A field that a stored policy lacks has its default: an
/// earlier release wrote it. Fields of a later release are ignored.
#[derive(Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StoredPolicy {
    modes: BTreeMap<String, String>,
    allowed_countries: Option<Vec<String>>,
    default_country: Option<String>,
    default_purpose: String,
    packs: BTreeMap<String, StoredPacks>,
    open_from: String,
    open_until: String,
    closed_days: Vec<String>,
    consent_required: Vec<String>,
    caps: Vec<StoredCap>,
    cool_down_after_conversation_millis: Option<u64>,
    cool_down_after_decline_millis: Option<u64>,
    user_calls_per_day: Option<u32>,
    organization_calls_per_day: Option<u32>,
    time_zone: String,
    default_zones: BTreeMap<String, String>,
    caller_number: String,
}

/// `auto`, `none`, or the ids of rules.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredPacks {
    Choice(String),
    Named(Vec<String>),
}

const AUTO: &str = "auto";
const NONE: &str = "none";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredCap {
    attempts: u32,
    within_millis: u64,
    #[serde(default)]
    unless_consent: bool,
}

impl Default for StoredPolicy {
    fn default() -> Self {
        Self::from(&CallingPolicy::default())
    }
}

/// Writes the column `calling_policies.policy`.
pub fn write_policy(policy: &CallingPolicy) -> String {
    serde_json::to_string(&StoredPolicy::from(policy)).expect("texts and numbers can be written")
}

/// Reads what [`write_policy`] returned.
pub fn read_policy(stored: &str) -> Result<CallingPolicy, Unreadable> {
    let stored = serde_json::from_str::<StoredPolicy>(stored).ok();
    stored.and_then(StoredPolicy::read).ok_or(POLICIES.unreadable("policy"))
}

impl From<&CallingPolicy> for StoredPolicy {
    fn from(policy: &CallingPolicy) -> Self {
        let modes = RuleGroup::ALL.map(|group| (group.as_str(), policy.modes.of(group).as_str()));
        Self {
            modes: modes.map(|(group, mode)| (text(group), text(mode))).into(),
            allowed_countries: policy
                .allowed_countries
                .as_ref()
                .map(|allowed| allowed.iter().map(|country| text(country.as_str())).collect()),
            default_country: policy.default_country.map(|country| text(country.as_str())),
            default_purpose: text(policy.default_purpose.as_str()),
            packs: policy
                .packs
                .iter()
                .map(|(purpose, packs)| (text(purpose.as_str()), packs.into()))
                .collect(),
            open_from: policy.open_hours.from().to_string(),
            open_until: policy.open_hours.until().to_string(),
            closed_days: policy.closed_days.iter().map(LocalDate::to_string).collect(),
            consent_required: policy.consent_required.iter().map(|one| text(one.as_str())).collect(),
            caps: policy.caps.iter().map(StoredCap::from).collect(),
            cool_down_after_conversation_millis: policy.cool_down_after_conversation.map(millis),
            cool_down_after_decline_millis: policy.cool_down_after_decline.map(millis),
            user_calls_per_day: policy.user_calls_per_day,
            organization_calls_per_day: policy.organization_calls_per_day,
            time_zone: text(policy.time_zone.as_str()),
            default_zones: policy
                .default_zones
                .iter()
                .map(|(country, zone)| (text(country.as_str()), text(zone.as_str())))
                .collect(),
            caller_number: text(policy.caller_number.as_str()),
        }
    }
}

impl StoredPolicy {
    fn read(self) -> Option<CallingPolicy> {
        let country = |code: &String| Country::parse(code).ok();
        let purpose = |name: &String| CallPurpose::parse(name).ok();
        let zone = |name: &String| ZoneName::parse(name).ok();
        let time = |written: &str| MinuteOfDay::parse(written).ok();
        let mut modes = Modes::default();
        for (group, mode) in &self.modes {
            // A group of a later release: this one does not ask its rules.
            let Some(group) = named(RuleGroup::ALL, RuleGroup::as_str, group) else { continue };
            modes = modes.with(group, named(Mode::ALL, Mode::as_str, mode)?);
        }
        Some(CallingPolicy {
            modes,
            allowed_countries: match &self.allowed_countries {
                Some(codes) => Some(codes.iter().map(country).collect::<Option<_>>()?),
                None => None,
            },
            default_country: optional(self.default_country.as_ref(), country)?,
            default_purpose: purpose(&self.default_purpose)?,
            packs: self
                .packs
                .into_iter()
                .map(|(name, packs)| Some((purpose(&name)?, packs.read()?)))
                .collect::<Option<_>>()?,
            open_hours: OpenHours::new(time(&self.open_from)?, time(&self.open_until)?).ok()?,
            closed_days: self
                .closed_days
                .iter()
                .map(|day| LocalDate::parse(day).ok())
                .collect::<Option<_>>()?,
            consent_required: self.consent_required.iter().map(purpose).collect::<Option<_>>()?,
            caps: self.caps.iter().map(Cap::from).collect(),
            cool_down_after_conversation: self.cool_down_after_conversation_millis.map(Duration::from_millis),
            cool_down_after_decline: self.cool_down_after_decline_millis.map(Duration::from_millis),
            user_calls_per_day: self.user_calls_per_day,
            organization_calls_per_day: self.organization_calls_per_day,
            time_zone: zone(&self.time_zone)?,
            default_zones: self
                .default_zones
                .iter()
                .map(|(code, name)| Some((country(code)?, zone(name)?)))
                .collect::<Option<_>>()?,
            caller_number: named(
                CallerNumberStrategy::ALL,
                CallerNumberStrategy::as_str,
                &self.caller_number,
            )?,
        })
    }
}

impl From<&PackChoice> for StoredPacks {
    fn from(choice: &PackChoice) -> Self {
        match choice {
            PackChoice::Auto => Self::Choice(text(AUTO)),
            PackChoice::None => Self::Choice(text(NONE)),
            PackChoice::Named(ids) => Self::Named(ids.iter().map(|id| text(&id.0)).collect()),
        }
    }
}

impl StoredPacks {
    fn read(self) -> Option<PackChoice> {
        match self {
            Self::Choice(name) if name == AUTO => Some(PackChoice::Auto),
            Self::Choice(name) if name == NONE => Some(PackChoice::None),
            Self::Choice(_) => None,
            Self::Named(ids) => {
                Some(PackChoice::Named(ids.into_iter().map(|id| RuleId(id.into())).collect()))
            }
        }
    }
}

impl From<&Cap> for StoredCap {
    fn from(cap: &Cap) -> Self {
        Self { attempts: cap.attempts, within_millis: millis(cap.within), unless_consent: cap.unless_consent }
    }
}

impl From<&StoredCap> for Cap {
    fn from(cap: &StoredCap) -> Self {
        Self {
            attempts: cap.attempts,
            within: Duration::from_millis(cap.within_millis),
            unless_consent: cap.unless_consent,
        }
    }
}

fn text(written: &str) -> String {
    written.to_owned()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn named<T: Copy, const N: usize>(all: [T; N], name: fn(T) -> &'static str, stored: &str) -> Option<T> {
    all.into_iter().find(|one| name(*one) == stored)
}

/// `None` if there is a value that cannot be read.
fn optional<S, T>(stored: Option<S>, read: impl FnOnce(S) -> Option<T>) -> Option<Option<T>> {
    match stored {
        Some(stored) => read(stored).map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests;
