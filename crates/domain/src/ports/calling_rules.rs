use crate::{
    AppliedRules, CallPurpose, ContactPlace, Country, Interval, LocalDate, LocalMoment, OpenHours,
    PackChoice, PhoneNumber, Region, RuleId, Timestamp, ZoneName,
};

/// The calling rules of the world, with their dates, and the time zones of phone numbers.
///
/// Synchronous and without I/O: it computes from data that are part of the program. A question about
/// a minute takes some microseconds, one about 31 days less than a millisecond.
///
/// The names in brackets are the tests in `crates/calling-rules`.
pub trait CallingRules: Send + Sync {
    /// The places where the callee may be, and the rules that apply there.
    ///
    /// Places:
    ///
    /// - MUST return at least one place. The contact's own zone, state or country wins over the number
    ///   (`a_stated_zone_wins_over_the_number`); a country that the number belongs to adds nothing.
    /// - MUST return a place with the basis `AreaCodeByLaw` beside the contact's own place, if the law
    ///   of the number's state takes the area code for the place
    ///   (`where_the_area_code_counts_by_law_both_places_are_returned`).
    /// - MUST return every zone that the phone may be in (`every_zone_of_a_number_must_be_open`), and
    ///   every state that shares an area code (`a_shared_area_code_has_all_its_states`).
    /// - MUST return no zone rather than a guess, if none is known or if they are more than 7 hours
    ///   apart (`zones_that_are_too_far_apart_are_no_zones`), and then take the operator's zone for the
    ///   country (`the_operators_zone_is_taken_if_none_is_known`).
    ///
    /// Rules:
    ///
    /// - MUST return only rules that are in force on the local day of the beginning of the span
    ///   (`pennsylvania_closes_on_sundays_from_its_date`), and with [`PackChoice::Auto`] only rules that
    ///   bind the purpose and the place. A rule that is named applies whatever the purpose and the
    ///   place; an id that [`knows`](Self::knows) denies is ignored
    ///   (`named_rules_apply_everywhere_and_unknown_ids_are_ignored`).
    /// - MUST return the organization's own hours and closed days for every place, whatever the packs
    ///   (`the_organizations_own_hours_apply_everywhere`).
    ///
    /// Hours:
    ///
    /// - MUST return open times in which each zone of the place is within the hours of its local day,
    ///   and all such times of the span (`an_instant_is_open_if_every_zone_is_within_the_hours`). Each
    ///   day counts by the version of the rule that is in force on it
    ///   (`a_span_follows_the_version_of_each_day`).
    /// - MUST convert instants to local time, and never use a stored offset: hours that begin in the gap
    ///   of a change begin at its end, repeated hours are open twice (`dst_hours_that_begin_in_the_gap_begin_at_its_end`,
    ///   `dst_hours_that_are_repeated_are_open_twice`).
    /// - MUST return no open times (`None`) for a place without zones: the hours cannot be judged, and
    ///   only the refusal for an unknown zone protects the callee
    ///   (`zones_that_are_too_far_apart_are_no_zones`).
    ///
    /// A span of more than 366 days is cut.
    fn apply(&self, question: &RuleQuestion<'_>) -> AppliedRules;

    /// The local date and time of an instant; `None` if there is no such zone.
    fn local_time(&self, zone: &ZoneName, at: Timestamp) -> Option<LocalMoment>;

    /// The instant at which the local day of `at` begins; `None` if there is no such zone.
    ///
    /// MUST return the first instant of the day, also where the day does not begin at 00:00
    /// (`a_day_may_begin_after_midnight`).
    fn start_of_day(&self, zone: &ZoneName, at: Timestamp) -> Option<Timestamp>;

    /// Whether two numbers belong together, so that one looks local to the owner of the other.
    ///
    /// MUST return `Elsewhere` for a North American number that is bound to no place, like a toll-free
    /// one (`a_number_is_local_by_area_code_or_state`). Elsewhere, the numbers of a calling code are of
    /// the same region.
    fn proximity(&self, one: &PhoneNumber, other: &PhoneNumber) -> Proximity;

    /// The states or provinces that a number shows; empty if it shows none. For rules that bar a caller
    /// number of the callee's own state.
    fn states(&self, number: &PhoneNumber) -> Vec<Region>;

    /// Whether there is a rule with this id, in any version. The organization's own rules are not among
    /// them.
    fn knows(&self, id: &RuleId) -> bool;

    /// Whether there is such a time zone.
    fn knows_zone(&self, zone: &ZoneName) -> bool;
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
