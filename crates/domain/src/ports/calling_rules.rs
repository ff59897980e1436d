use crate::{
    AppliedRules, CallPurpose, ContactPlace, Country, Interval, LocalDate, LocalMoment, OpenHours,
    PackChoice, PhoneNumber, Timestamp, ZoneName,
};

/// The calling rules of the world, with their dates, and the time zones of phone numbers.
///
/// Synchronous and without I/O: it computes from data that is part of the program, in at most a
/// millisecond for a span of some days.
///
/// - MUST return only rules that are in force at the beginning of the span, and that bind the purpose.
/// - MUST return a place with the basis `AreaCodeByLaw` beside the contact's own place, if the law of
///   the number's state takes the area code for the place.
/// - MUST convert instants to local time, and never use a stored offset.
pub trait CallingRules: Send + Sync {
    /// The places where the callee may be, and the rules that apply there.
    fn apply(&self, question: &RuleQuestion<'_>) -> AppliedRules;

    /// The local date and time of an instant; `None` if there is no such zone.
    fn local_time(&self, zone: &ZoneName, at: Timestamp) -> Option<LocalMoment>;

    /// The instant at which the local day of `at` begins; `None` if there is no such zone.
    fn start_of_day(&self, zone: &ZoneName, at: Timestamp) -> Option<Timestamp>;

    /// Whether two numbers belong together, so that one looks local to the owner of the other.
    fn proximity(&self, one: &PhoneNumber, other: &PhoneNumber) -> Proximity;
}

/// A call, as far as calling rules depend on it.
#[derive(Debug, Clone, Copy)]
pub struct RuleQuestion<'a> {
    /// The number that will be dialled.
    pub number: &'a PhoneNumber,
    /// The country of the number, if it has one.
    pub country: Option<Country>,
    /// What the contact's record says.
    pub stated: &'a ContactPlace,
    /// What the call is for.
    pub purpose: CallPurpose,
    /// Which rules apply.
    pub packs: &'a PackChoice,
    /// Hours of the organization's own, in the local time of the callee: the rule `quiet-hours`.
    pub open_hours: Option<OpenHours>,
    /// Days on which the organization makes no calls, in the local time of the callee: the rule
    /// `closed-days`.
    pub closed_days: &'a [LocalDate],
    /// The zones that the operator takes for a country whose numbers leave the zone open.
    pub default_zones: &'a [(Country, ZoneName)],
    /// The time of the call, and until when open times are asked for.
    pub span: Interval,
}

/// How near two numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Proximity {
    Elsewhere,
    SameRegion,
    SameAreaCode,
}
