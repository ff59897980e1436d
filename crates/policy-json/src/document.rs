use std::collections::BTreeMap;

use domain::{CallPurpose, CallingPolicy, Cap, Country, LocalDate, PackChoice, RuleGroup, RuleId};
use serde::Serialize;

/// What an organization decides about its calls. A field that is absent in a request has its default:
/// a request replaces the whole policy.
// The order of the fields is the order on the wire.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CallingPolicy, example = crate::document::example))]
#[serde(rename_all = "camelCase")]
pub struct PolicyDocument<'a> {
    /// What each group of rules does: `enforce` refuses a call that breaks a rule, `warn` stores the
    /// rule with the call, `off` does not ask the rules. The default is `enforce` for `countries` and
    /// `suppressions`, and `warn` for `quietHours`, `callingHours`, `caps`, `consent` and `zone`.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>, required = false))]
    modes: BTreeMap<&'static str, &'static str>,
    /// The countries that calls may go to, of those that the operator allows. Absent for all of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    allowed_countries: Option<Vec<&'static str>>,
    /// The country of numbers without `+`, instead of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    default_country: Option<&'static str>,
    /// The purpose of a call whose request names none: `telemarketing`, `informational`, `debt`,
    /// `healthcare` or `emergency`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, default = "informational", required = false))]
    default_purpose: &'static str,
    /// The calling rules, by purpose: `auto` for those of the places where the callee may be, `none`, or
    /// a list of the IDs of rules. A purpose that is not here has `auto`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object, required = false))]
    packs: BTreeMap<&'static str, Packs<'a>>,
    /// The hours in which calls may be made, in the local time of the callee, for every purpose but
    /// `emergency`: the group `quietHours`.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    open_hours: Hours,
    /// Days on which no calls are made, in the local time of the callee: `2026-12-25`.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, max_items = 1000, required = false))]
    closed_days: Vec<String>,
    /// The purposes of calls that need a consent on record.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    consent_required: Vec<&'static str>,
    /// How often a callee may be called about one subject.
    #[cfg_attr(feature = "openapi", schema(max_items = 100, required = false))]
    caps: Vec<CapDocument>,
    /// How long a callee is not called after a conversation, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u64, minimum = 1, maximum = 31622400, required = false))]
    cool_down_after_conversation_secs: Option<u64>,
    /// How long a callee is not called after declining a call, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u64, minimum = 1, maximum = 31622400, required = false))]
    cool_down_after_decline_secs: Option<u64>,
    /// The most calls of one user in a day of `timeZone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, required = false))]
    user_calls_per_day: Option<u32>,
    /// The most calls of the organization in a day of `timeZone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, required = false))]
    organization_calls_per_day: Option<u32>,
    /// The zone whose days count for these: a name like `America/New_York`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, default = "UTC", required = false))]
    time_zone: &'a str,
    /// The zones that are taken for a country whose numbers leave the zone open, by country.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>, required = false))]
    default_zones: BTreeMap<&'static str, &'a str>,
    /// How a caller number is picked if the request names none: the `first` of the user, the number that
    /// last reached this callee (`sticky`), or one with the area code or region of the callee (`local`).
    #[cfg_attr(feature = "openapi", schema(value_type = String, default = "first", required = false))]
    caller_number: &'static str,
}

/// Which calling rules apply.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Packs<'a> {
    Word(&'static str),
    Named(Vec<&'a str>),
}

/// Hours of a day.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CallingHours))]
pub(crate) struct Hours {
    /// The first minute: `08:00`.
    from: String,
    /// The minute after the last one: `21:00`, at most `24:00`.
    until: String,
}

/// At most so many attempts within a time, for one callee and subject.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CallingCap))]
#[serde(rename_all = "camelCase")]
pub(crate) struct CapDocument {
    /// The most attempts.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    attempts: u32,
    /// Within this time, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31622400))]
    within_secs: u64,
    /// Whether more attempts are allowed with a consent on record.
    #[cfg_attr(feature = "openapi", schema(default = false, required = false))]
    unless_consent: bool,
}

impl<'a> From<&'a CallingPolicy> for PolicyDocument<'a> {
    fn from(policy: &'a CallingPolicy) -> Self {
        let modes = RuleGroup::ALL.map(|group| (group.as_str(), policy.modes.of(group).as_str()));
        let countries = |countries: &std::collections::BTreeSet<Country>| {
            countries.iter().map(|country| country.as_str()).collect()
        };
        Self {
            modes: modes.into_iter().collect(),
            allowed_countries: policy.allowed_countries.as_ref().map(countries),
            default_country: policy.default_country.map(Country::as_str),
            default_purpose: policy.default_purpose.as_str(),
            packs: policy.packs.iter().map(|(purpose, choice)| (purpose.as_str(), choice.into())).collect(),
            open_hours: Hours {
                from: policy.open_hours.from().to_string(),
                until: policy.open_hours.until().to_string(),
            },
            closed_days: policy.closed_days.iter().map(LocalDate::to_string).collect(),
            consent_required: policy.consent_required.iter().copied().map(CallPurpose::as_str).collect(),
            caps: policy.caps.iter().map(CapDocument::from).collect(),
            cool_down_after_conversation_secs: policy.cool_down_after_conversation.map(|it| it.as_secs()),
            cool_down_after_decline_secs: policy.cool_down_after_decline.map(|it| it.as_secs()),
            user_calls_per_day: policy.user_calls_per_day,
            organization_calls_per_day: policy.organization_calls_per_day,
            time_zone: policy.time_zone.as_str(),
            default_zones: policy
                .default_zones
                .iter()
                .map(|(country, zone)| (country.as_str(), zone.as_str()))
                .collect(),
            caller_number: policy.caller_number.as_str(),
        }
    }
}

impl<'a> From<&'a PackChoice> for Packs<'a> {
    fn from(choice: &'a PackChoice) -> Self {
        match choice {
            PackChoice::Auto => Self::Word("auto"),
            PackChoice::None => Self::Word("none"),
            PackChoice::Named(ids) => Self::Named(ids.iter().map(|RuleId(id)| &**id).collect()),
        }
    }
}

impl From<&Cap> for CapDocument {
    fn from(cap: &Cap) -> Self {
        let Cap { attempts, within, unless_consent } = *cap;
        Self { attempts, within_secs: within.as_secs(), unless_consent }
    }
}

/// A policy with some rules.
#[cfg(feature = "openapi")]
pub(crate) fn example() -> serde_json::Value {
    serde_json::json!({
        "modes": {
            "countries": "enforce",
            "suppressions": "enforce",
            "quietHours": "enforce",
            "callingHours": "enforce",
            "caps": "enforce",
            "consent": "warn",
            "zone": "warn"
        },
        "allowedCountries": ["CA", "US"],
        "defaultPurpose": "informational",
        "packs": { "telemarketing": ["us-strict"] },
        "openHours": { "from": "09:00", "until": "20:00" },
        "closedDays": ["2026-12-25"],
        "consentRequired": ["telemarketing"],
        "caps": [{ "attempts": 3, "withinSecs": 604_800 }],
        "userCallsPerDay": 200,
        "timeZone": "America/Toronto",
        "callerNumber": "local"
    })
}
