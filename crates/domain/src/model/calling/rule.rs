//! What [`CallingRules`](crate::ports::CallingRules) knows about one call.

use std::time::Duration;

use super::{ConsentKind, Interval, LocalDate, MinuteOfDay, Region, ZoneName};

/// The id of a calling rule, like `us-fl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub Box<str>);

/// Where the callee may be, and the rules that apply to the call there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedRules {
    /// Every place where the callee may be. Each of them must allow the call.
    pub places: Vec<Place>,
    /// The rules, each one once for each place that it applies to.
    pub rules: Vec<AppliedRule>,
}

/// A place where the callee may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The place, if it is known.
    pub region: Option<Region>,
    /// What says so.
    pub basis: PlaceBasis,
    /// Every time zone that a phone there may be in. Empty if none is known, or if they are so far
    /// apart that no hours of a day are open in all of them.
    pub zones: Vec<ZoneName>,
}

/// What says where the callee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceBasis {
    /// The contact's own zone, state or country.
    Contact,
    /// The number.
    Number,
    /// The number, beside the contact's own place: the law of this state takes the area code for
    /// the place.
    AreaCodeByLaw,
    /// The operator's zone for the country of the number.
    DefaultZone,
}

impl PlaceBasis {
    /// Every basis.
    pub const ALL: [Self; 4] = [Self::Contact, Self::Number, Self::AreaCodeByLaw, Self::DefaultZone];

    /// The name in responses and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Number => "number",
            Self::AreaCodeByLaw => "area-code-by-law",
            Self::DefaultZone => "default-zone",
        }
    }
}

/// A rule, and what it asks of a call to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedRule {
    /// Its id.
    pub id: RuleId,
    /// The version of its data.
    pub version: u32,
    /// Where it is written.
    pub source: Box<str>,
    /// The place in [`AppliedRules::places`], by its index.
    pub place: usize,
    /// When calls are allowed; `None` if it has no hours, or if the place has no zones.
    pub open: Option<OpenTimes>,
    /// How many attempts are allowed.
    pub caps: Vec<Cap>,
    /// How long no call may follow certain results.
    pub cool_downs: Vec<CoolDown>,
    /// The consent that it asks for.
    pub consent: Option<ConsentKind>,
    /// The name of the do-not-call list that must be at most 31 days old.
    pub do_not_call_list: Option<Box<str>>,
    /// The shortest time for which the phone must be able to ring.
    pub least_ring: Option<Duration>,
    /// Whether it bars a caller number of its own region.
    pub bars_local_number: bool,
}

/// When calls are allowed, in all zones of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTimes {
    /// The open times within the span of the question, in their order, without overlap.
    pub intervals: Vec<Interval>,
    /// What is closed at the beginning of the span; `None` if it is open.
    pub closed: Option<TimeOfRule>,
}

/// Why it is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeOfRule {
    /// The day has open hours, and it is outside these. With the local date and time.
    Hours(LocalDate, MinuteOfDay),
    /// The day is closed, with its name: a weekday or a holiday.
    Day(LocalDate, Box<str>),
}

/// At most this many attempts within a time, for one callee and subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct Cap {
    pub attempts: u32,
    pub within: Duration,
    /// Whether attempts are allowed beyond it with a consent on record.
    pub unless_consent: bool,
}

/// No call within this time after such a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct CoolDown {
    pub after: Cause,
    pub lasts: Duration,
}

/// A result after which a person is not called for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A person answered.
    Conversation,
    /// The callee declined the call, or refused further calls.
    Decline,
}
