use super::{LocalDate, MinuteOfDay, Mode, PlaceBasis, Region, RuleGroup, RuleId, ZoneName};
use crate::{AgentId, ContactId, PhoneNumber, Timestamp};

/// Whether a call may be made now, and what the answer rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Every reason against the call, in the order of [`RefusalCode`]. Empty if it may be made.
    pub refusals: Vec<Refusal>,
    /// What would be a refusal if its group were enforced, in the same order.
    pub warnings: Vec<Refusal>,
    /// The contact; `None` if the number has none yet.
    pub contact_id: Option<ContactId>,
    /// The agent that speaks, and why this one.
    pub agent: Option<(AgentId, AgentReason)>,
    /// The number that the call comes from, and why this one.
    pub caller_number: Option<(PhoneNumber, CallerReason)>,
    /// The local time of the callee, in each place and zone where the callee may be.
    pub callee_local_time: Vec<CalleeTime>,
    /// The rules that were asked.
    pub rules_applied: Vec<UsedRule>,
    /// The next time at which all enforced hours, caps and pauses allow the call. `None` if there is
    /// no refusal, or one that does not end by itself.
    pub opens_at: Option<Timestamp>,
}

impl Decision {
    /// Whether the call may be made.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.refusals.is_empty()
    }
}

/// Why an agent speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentReason {
    /// The client requested it.
    Requested,
    /// It is the organization's first agent that can speak on the phone.
    Default,
}

impl AgentReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Requested, Self::Default];

    /// The name in responses and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Default => "default",
        }
    }
}

/// Why a call comes from a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerReason {
    /// The client requested it.
    Requested,
    /// It is the first one of the user that no rule bars.
    First,
    /// The callee last answered a call from it.
    LastAnswered,
    /// It has the callee's area code.
    SameAreaCode,
    /// It is of the callee's state or region.
    SameRegion,
}

impl CallerReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Requested, Self::First, Self::LastAnswered, Self::SameAreaCode, Self::SameRegion];

    /// The name in responses and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::First => "first",
            Self::LastAnswered => "last-answered",
            Self::SameAreaCode => "same-area-code",
            Self::SameRegion => "same-region",
        }
    }
}

/// One reason against a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of reason.
    pub code: RefusalCode,
    /// The rule.
    pub rule_id: RuleId,
    /// Where the rule is written.
    pub source: Box<str>,
    /// What the rule asks for, and what is the case. No personal data.
    pub detail: Box<str>,
    /// When this reason ends by itself.
    pub opens_at: Option<Timestamp>,
}

/// The codes of refusals, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`docs/calling-rules.md` explains each code")]
pub enum RefusalCode {
    InvalidPhoneNumber,
    DestinationNotAllowed,
    CountryNotAllowed,
    CalleeOptedOut,
    OnDoNotCallList,
    DoNotCallListStale,
    ConsentMissing,
    ConsentRevoked,
    ConsentExpired,
    OutsideCallingHours,
    ClosedDay,
    AttemptCap,
    CoolDown,
    CalleeZoneUnknown,
    CallerNumberBarred,
    RingTooShort,
    UserCallLimit,
    OrganizationCallLimit,
}

impl RefusalCode {
    /// Every code, in the order in which they are reported.
    pub const ALL: [Self; 18] = [
        Self::InvalidPhoneNumber,
        Self::DestinationNotAllowed,
        Self::CountryNotAllowed,
        Self::CalleeOptedOut,
        Self::OnDoNotCallList,
        Self::DoNotCallListStale,
        Self::ConsentMissing,
        Self::ConsentRevoked,
        Self::ConsentExpired,
        Self::OutsideCallingHours,
        Self::ClosedDay,
        Self::AttemptCap,
        Self::CoolDown,
        Self::CalleeZoneUnknown,
        Self::CallerNumberBarred,
        Self::RingTooShort,
        Self::UserCallLimit,
        Self::OrganizationCallLimit,
    ];

    /// The code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The code in responses and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidPhoneNumber => "INVALID_PHONE_NUMBER",
            Self::DestinationNotAllowed => "DESTINATION_NOT_ALLOWED",
            Self::CountryNotAllowed => "COUNTRY_NOT_ALLOWED",
            Self::CalleeOptedOut => "CALLEE_OPTED_OUT",
            Self::OnDoNotCallList => "ON_DO_NOT_CALL_LIST",
            Self::DoNotCallListStale => "DO_NOT_CALL_LIST_STALE",
            Self::ConsentMissing => "CONSENT_MISSING",
            Self::ConsentRevoked => "CONSENT_REVOKED",
            Self::ConsentExpired => "CONSENT_EXPIRED",
            Self::OutsideCallingHours => "OUTSIDE_CALLING_HOURS",
            Self::ClosedDay => "CLOSED_DAY",
            Self::AttemptCap => "ATTEMPT_CAP",
            Self::CoolDown => "COOL_DOWN",
            Self::CalleeZoneUnknown => "CALLEE_ZONE_UNKNOWN",
            Self::CallerNumberBarred => "CALLER_NUMBER_BARRED",
            Self::RingTooShort => "RING_TOO_SHORT",
            Self::UserCallLimit => "USER_CALL_LIMIT",
            Self::OrganizationCallLimit => "ORGANIZATION_CALL_LIMIT",
        }
    }
}

/// The local time of a callee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalleeTime {
    /// The place, if it is known.
    pub region: Option<Region>,
    /// What says that the callee is there.
    pub basis: PlaceBasis,
    /// The time zone.
    pub zone: ZoneName,
    /// The date and time there.
    pub at: LocalMoment,
}

/// A date and time, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct LocalMoment {
    pub date: LocalDate,
    pub minute: MinuteOfDay,
}

/// A rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedRule {
    /// Its id.
    pub id: RuleId,
    /// The version of its data.
    pub version: u32,
    /// Where it is written.
    pub source: Box<str>,
    /// The group that it belongs to.
    pub group: RuleGroup,
    /// What the policy does with the group.
    pub mode: Mode,
    /// What the rule says.
    pub verdict: RuleVerdict,
}

/// What a rule says about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleVerdict {
    /// It allows the call.
    Allows,
    /// It does not.
    Refuses(RefusalCode),
}
