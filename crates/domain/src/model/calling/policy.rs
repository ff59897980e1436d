use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{CallPurpose, Cap, LocalDate, OpenHours, RuleId, ZoneName};
use crate::{Country, Timestamp, UserId};

/// What an organization decides about its calls. The default lets an organization that stored none
/// work as before: it refuses forbidden numbers, countries that are not allowed and suppressed
/// callees, and only warns about the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallingPolicy {
    /// What each group of rules does.
    pub modes: Modes,
    /// The countries that calls may go to, of those that the operator allows. `None` for all of these.
    pub allowed_countries: Option<BTreeSet<Country>>,
    /// The country whose national numbers are read, instead of the operator's.
    pub default_country: Option<Country>,
    /// The purpose of a call whose request names none.
    pub default_purpose: CallPurpose,
    /// Which calling rules apply, by purpose. A purpose that is not here has [`PackChoice::Auto`].
    pub packs: BTreeMap<CallPurpose, PackChoice>,
    /// The hours in which calls may be made, in the local time of the callee, whatever the purpose
    /// but an emergency.
    pub open_hours: OpenHours,
    /// Days on which no calls are made, in the local time of the callee.
    pub closed_days: BTreeSet<LocalDate>,
    /// The purposes of calls that need a consent on record.
    pub consent_required: BTreeSet<CallPurpose>,
    /// Caps of the organization's own, for each callee and subject.
    pub caps: Vec<Cap>,
    /// How long a callee is not called after a conversation.
    pub cool_down_after_conversation: Option<Duration>,
    /// How long a callee is not called after declining a call.
    pub cool_down_after_decline: Option<Duration>,
    /// The most calls of one user in a day.
    pub user_calls_per_day: Option<u32>,
    /// The most calls of the organization in a day.
    pub organization_calls_per_day: Option<u32>,
    /// The zone whose calendar day counts for these.
    pub time_zone: ZoneName,
    /// The zones that are taken for a country whose numbers leave the zone open.
    pub default_zones: BTreeMap<Country, ZoneName>,
    /// How a caller number is picked if the request names none.
    pub caller_number: CallerNumberStrategy,
}

/// A value of a policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The field, with the fields that it is in: `caps[0].attempts`.
    pub field: Box<str>,
    /// What its value must be. It quotes no value.
    pub message: &'static str,
}

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionedPolicy {
    /// The policy.
    pub policy: CallingPolicy,
    /// Counts its changes, from 1; 0 if none is stored.
    pub revision: u64,
    /// Who changed it last, and when; `None` if that was an import.
    pub changed: Option<(UserId, Timestamp)>,
}

/// A group of rules, which a policy enforces or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleGroup {
    /// The countries that calls may go to.
    Countries,
    /// Opt-outs and do-not-call lists.
    Suppressions,
    /// The organization's own hours.
    QuietHours,
    /// The hours and holidays of the calling rules, the organization's closed days, the shortest
    /// ring, and barred caller numbers.
    CallingHours,
    /// Attempts for each callee and subject, pauses after a result, calls in a day.
    Caps,
    /// Consents.
    Consent,
    /// Whether the callee's time zone is known.
    Zone,
}

impl RuleGroup {
    /// Every group.
    pub const ALL: [Self; 7] = [
        Self::Countries,
        Self::Suppressions,
        Self::QuietHours,
        Self::CallingHours,
        Self::Caps,
        Self::Consent,
        Self::Zone,
    ];

    /// The name in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Countries => "countries",
            Self::Suppressions => "suppressions",
            Self::QuietHours => "quietHours",
            Self::CallingHours => "callingHours",
            Self::Caps => "caps",
            Self::Consent => "consent",
            Self::Zone => "zone",
        }
    }
}

/// What a group of rules does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A call that breaks a rule is refused.
    Enforce,
    /// A call that breaks a rule is made, and the rule is stored with the call.
    Warn,
    /// The rules are not asked.
    Off,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Warn, Self::Off];

    /// The name in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Off => "off",
        }
    }
}

/// The mode of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes([Mode; RuleGroup::ALL.len()]);

impl Modes {
    /// All groups in this mode.
    #[must_use]
    pub const fn all(mode: Mode) -> Self {
        Self([mode; RuleGroup::ALL.len()])
    }

    /// These modes, with another one for one group.
    #[must_use]
    pub const fn with(mut self, group: RuleGroup, mode: Mode) -> Self {
        self.0[group as usize] = mode;
        self
    }

    /// The mode of a group.
    #[must_use]
    pub const fn of(self, group: RuleGroup) -> Mode {
        self.0[group as usize]
    }
}

impl Default for Modes {
    fn default() -> Self {
        Self::all(Mode::Warn)
            .with(RuleGroup::Countries, Mode::Enforce)
            .with(RuleGroup::Suppressions, Mode::Enforce)
    }
}

/// Which calling rules apply to a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PackChoice {
    /// Those of the places where the callee may be.
    #[default]
    Auto,
    /// These, wherever the callee is.
    Named(Vec<RuleId>),
    /// None.
    None,
}

/// How a caller number is picked among those of the user that serve AI calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CallerNumberStrategy {
    /// The first one, as the contract says.
    #[default]
    First,
    /// The number that last reached this callee, else the first one.
    Sticky,
    /// A number with the callee's area code, else of the same state or region, else the first one.
    Local,
}

impl CallerNumberStrategy {
    /// Every strategy.
    pub const ALL: [Self; 3] = [Self::First, Self::Sticky, Self::Local];

    /// The name in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Sticky => "sticky",
            Self::Local => "local",
        }
    }
}

impl CallingPolicy {
    /// The most caps, packs of one purpose, and default zones.
    pub const MAX_ENTRIES: usize = 100;
    /// The most closed days.
    pub const MAX_CLOSED_DAYS: usize = 1000;
    /// The most attempts that a cap counts. Each of them is kept.
    pub const MAX_ATTEMPTS: u32 = 1000;
    /// The longest time of a cap, and the longest pause after a result.
    pub const MAX_PERIOD: Duration = Duration::from_hours(366 * 24);
}

impl Default for CallingPolicy {
    fn default() -> Self {
        Self {
            modes: Modes::default(),
            allowed_countries: None,
            default_country: None,
            default_purpose: CallPurpose::default(),
            packs: BTreeMap::new(),
            open_hours: OpenHours::FROM_8_TO_21,
            closed_days: BTreeSet::new(),
            consent_required: BTreeSet::new(),
            caps: Vec::new(),
            cool_down_after_conversation: None,
            cool_down_after_decline: None,
            user_calls_per_day: None,
            organization_calls_per_day: None,
            time_zone: ZoneName::utc(),
            default_zones: BTreeMap::new(),
            caller_number: CallerNumberStrategy::default(),
        }
    }
}
