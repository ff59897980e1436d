use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{
    CallPurpose, CallerNumberStrategy, CallingPolicy, Cap, Country, LocalDate, MinuteOfDay, Mode, OpenHours,
    PackChoice, PolicyFault, RuleGroup, RuleId, ZoneName,
};

use crate::node::Node;

/// The most faults that are reported, and the most characters of an unknown name.
const MAX_FAULTS: usize = 20;
const MAX_NAME_CHARS: usize = 64;

/// The longest id of a rule, in bytes.
const MAX_ID_LEN: usize = 64;

const OBJECT: &str = "must be an object";
const LIST: &str = "must be a list";
const TEXT: &str = "must be a string";
const TWICE: &str = "is given twice";
const COUNTRY: &str = "must be the ISO 3166 code of a country, like US";
const PURPOSE: &str = "must be telemarketing, informational, debt, healthcare or emergency";
const ZONE: &str = "must be a time zone, like America/New_York";
const WHOLE: &str = "must be a whole number";

/// What a reader does with a name that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownNames {
    Refused,
    Ignored,
}

pub(crate) fn read(text: &str, unknown: UnknownNames) -> Result<CallingPolicy, Vec<PolicyFault>> {
    let mut faults = Faults { found: Vec::new(), unknown };
    let policy = match serde_json::from_str(text) {
        Ok(Node::Object(fields)) => policy(fields, &mut faults),
        Ok(_) | Err(_) => {
            faults.add("", "must be a JSON object");
            CallingPolicy::default()
        }
    };
    if faults.found.is_empty() { Ok(policy) } else { Err(faults.found) }
}

fn policy(fields: Vec<(String, Node)>, faults: &mut Faults) -> CallingPolicy {
    let mut policy = CallingPolicy::default();
    for (name, value) in distinct("", fields, faults) {
        // What is null counts as absent.
        if value == Node::Null {
            if !FIELDS.contains(&name.as_str()) {
                faults.add_unknown(&name);
            }
            continue;
        }
        let field = name.as_str();
        match field {
            "modes" => modes(value, &mut policy, faults),
            "allowedCountries" => {
                let read = each(field, value, faults, COUNTRY, |code| Country::parse(code).ok());
                policy.allowed_countries = Some(read);
            }
            "defaultCountry" => {
                policy.default_country =
                    word(field, &value, faults, COUNTRY, |code| Country::parse(code).ok());
            }
            "defaultPurpose" => {
                let read = word(field, &value, faults, PURPOSE, purpose);
                policy.default_purpose = read.unwrap_or_default();
            }
            "packs" => policy.packs = packs(value, faults),
            "openHours" => policy.open_hours = hours(value, faults).unwrap_or(policy.open_hours),
            "closedDays" => {
                policy.closed_days = each(field, value, faults, "must be dates like 2026-12-25", |day| {
                    LocalDate::parse(day).ok()
                });
            }
            "consentRequired" => policy.consent_required = each(field, value, faults, PURPOSE, purpose),
            "caps" => policy.caps = caps(value, faults),
            "coolDownAfterConversationSecs" => {
                policy.cool_down_after_conversation = whole(field, &value, faults).map(Duration::from_secs);
            }
            "coolDownAfterDeclineSecs" => {
                policy.cool_down_after_decline = whole(field, &value, faults).map(Duration::from_secs);
            }
            "userCallsPerDay" => policy.user_calls_per_day = count(field, &value, faults),
            "organizationCallsPerDay" => policy.organization_calls_per_day = count(field, &value, faults),
            "timeZone" => {
                let read = word(field, &value, faults, ZONE, |zone| ZoneName::parse(zone).ok());
                policy.time_zone = read.unwrap_or(policy.time_zone);
            }
            "defaultZones" => policy.default_zones = default_zones(value, faults),
            "callerNumber" => {
                let named = |name: &str| CallerNumberStrategy::ALL.into_iter().find(|it| it.as_str() == name);
                let read = word(field, &value, faults, "must be first, sticky or local", named);
                policy.caller_number = read.unwrap_or_default();
            }
            _ => faults.add_unknown(field),
        }
    }
    policy
}

/// Every field of a policy.
pub(crate) const FIELDS: [&str; 16] = [
    "modes",
    "allowedCountries",
    "defaultCountry",
    "defaultPurpose",
    "packs",
    "openHours",
    "closedDays",
    "consentRequired",
    "caps",
    "coolDownAfterConversationSecs",
    "coolDownAfterDeclineSecs",
    "userCallsPerDay",
    "organizationCallsPerDay",
    "timeZone",
    "defaultZones",
    "callerNumber",
];

fn purpose(name: &str) -> Option<CallPurpose> {
    CallPurpose::parse(name).ok()
}

fn modes(value: Node, policy: &mut CallingPolicy, faults: &mut Faults) {
    for (name, value) in object("modes", value, faults) {
        let field = format!("modes.{name}");
        let Some(group) = RuleGroup::ALL.into_iter().find(|group| group.as_str() == name) else {
            faults.add_unknown(&field);
            continue;
        };
        let named = |name: &str| Mode::ALL.into_iter().find(|mode| mode.as_str() == name);
        if let Some(mode) = word(&field, &value, faults, "must be enforce, warn or off", named) {
            policy.modes = policy.modes.with(group, mode);
        }
    }
}

fn packs(value: Node, faults: &mut Faults) -> BTreeMap<CallPurpose, PackChoice> {
    const CHOICE: &str = "must be auto, none, or a list of the IDs of rules";
    let mut packs = BTreeMap::new();
    for (name, value) in object("packs", value, faults) {
        let field = format!("packs.{name}");
        let choice = match &value {
            Node::Text(word) if word == "auto" => Some(PackChoice::Auto),
            Node::Text(word) if word == "none" => Some(PackChoice::None),
            Node::List(ids) => ids.iter().map(rule_id).collect::<Option<_>>().map(PackChoice::Named),
            _ => None,
        };
        match (purpose(&name), choice) {
            (None, _) => faults.add_unknown(&field),
            (Some(_), None) => faults.add(&field, CHOICE),
            (Some(purpose), Some(choice)) => {
                packs.insert(purpose, choice);
            }
        }
    }
    packs
}

fn rule_id(node: &Node) -> Option<RuleId> {
    match node {
        Node::Text(id) if (1..=MAX_ID_LEN).contains(&id.len()) => Some(RuleId(id.as_str().into())),
        _ => None,
    }
}

fn hours(value: Node, faults: &mut Faults) -> Option<OpenHours> {
    const MINUTE: &str = "must be a time of day like 08:00";
    let (mut from, mut until) = (None, None);
    let before = faults.found.len();
    for (name, value) in object("openHours", value, faults) {
        let field = format!("openHours.{name}");
        let end = match name.as_str() {
            "from" => &mut from,
            "until" => &mut until,
            _ => {
                faults.add_unknown(&field);
                continue;
            }
        };
        *end = word(&field, &value, faults, MINUTE, |text| MinuteOfDay::parse(text).ok());
    }
    let (Some(from), Some(until)) = (from, until) else {
        if faults.found.len() == before {
            faults.add("openHours", "must have from and until, times of day like 08:00");
        }
        return None;
    };
    let hours = OpenHours::new(from, until).ok();
    if hours.is_none() {
        faults.add("openHours", "must begin before they end");
    }
    hours
}

fn caps(value: Node, faults: &mut Faults) -> Vec<Cap> {
    let Node::List(items) = value else {
        faults.add("caps", LIST);
        return Vec::new();
    };
    items.into_iter().enumerate().filter_map(|(index, item)| cap(index, item, faults)).collect()
}

fn cap(index: usize, value: Node, faults: &mut Faults) -> Option<Cap> {
    let field = format!("caps[{index}]");
    let (mut attempts, mut within, mut unless_consent) = (None, None, false);
    let before = faults.found.len();
    for (name, value) in object(&field, value, faults) {
        let field = format!("{field}.{name}");
        match (name.as_str(), &value) {
            ("attempts", value) => attempts = count(&field, value, faults),
            ("withinSecs", value) => within = whole(&field, value, faults).map(Duration::from_secs),
            ("unlessConsent", Node::Bool(value)) => unless_consent = *value,
            ("unlessConsent", _) => faults.add(&field, "must be true or false"),
            _ => faults.add_unknown(&field),
        }
    }
    if faults.found.len() == before && (attempts.is_none() || within.is_none()) {
        faults.add(&field, "must have attempts and withinSecs");
    }
    Some(Cap { attempts: attempts?, within: within?, unless_consent })
}

fn default_zones(value: Node, faults: &mut Faults) -> BTreeMap<Country, ZoneName> {
    let mut zones = BTreeMap::new();
    for (name, value) in object("defaultZones", value, faults) {
        let field = format!("defaultZones.{name}");
        let zone = word(&field, &value, faults, ZONE, |zone| ZoneName::parse(zone).ok());
        match (Country::parse(&name), zone) {
            (Ok(country), Some(zone)) => {
                zones.insert(country, zone);
            }
            (Err(_), _) => faults.add_unknown(&field),
            (Ok(_), None) => {}
        }
    }
    zones
}

/// A text that `parse` accepts.
fn word<T>(
    field: &str,
    value: &Node,
    faults: &mut Faults,
    otherwise: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let Node::Text(text) = value else {
        faults.add(field, TEXT);
        return None;
    };
    let read = parse(text);
    if read.is_none() {
        faults.add(field, otherwise);
    }
    read
}

/// A list of texts that `parse` accepts.
fn each<T: Ord>(
    field: &str,
    value: Node,
    faults: &mut Faults,
    otherwise: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> BTreeSet<T> {
    let Node::List(items) = value else {
        faults.add(field, LIST);
        return BTreeSet::new();
    };
    let item = |(index, item)| word(&format!("{field}[{index}]"), &item, faults, otherwise, &parse);
    items.into_iter().enumerate().filter_map(item).collect()
}

fn whole(field: &str, value: &Node, faults: &mut Faults) -> Option<u64> {
    let Node::Whole(number) = value else {
        faults.add(field, WHOLE);
        return None;
    };
    Some(*number)
}

fn count(field: &str, value: &Node, faults: &mut Faults) -> Option<u32> {
    let number = whole(field, value, faults)?;
    let count = u32::try_from(number).ok();
    if count.is_none() {
        faults.add(field, "must be less than 4294967296");
    }
    count
}

/// The fields of an object, each once.
fn object(field: &str, value: Node, faults: &mut Faults) -> Vec<(String, Node)> {
    match value {
        Node::Object(fields) => distinct(field, fields, faults),
        _ => {
            faults.add(field, OBJECT);
            Vec::new()
        }
    }
}

fn distinct(within: &str, fields: Vec<(String, Node)>, faults: &mut Faults) -> Vec<(String, Node)> {
    let mut seen = BTreeSet::new();
    for (name, _) in &fields {
        if !seen.insert(name.as_str()) {
            let dot = if within.is_empty() { "" } else { "." };
            faults.add(&format!("{within}{dot}{name}"), TWICE);
        }
    }
    fields
}

struct Faults {
    found: Vec<PolicyFault>,
    unknown: UnknownNames,
}

impl Faults {
    fn add_unknown(&mut self, field: &str) {
        if self.unknown == UnknownNames::Refused {
            self.add(field, "is not a field of a calling policy");
        }
    }

    /// Names come from the client: they are cut, and a fault is noted once.
    fn add(&mut self, field: &str, message: &'static str) {
        let field: String = field.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
        let fault = PolicyFault { field: field.into(), message };
        if self.found.len() < MAX_FAULTS && !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }
}
