//! Whether a person may be called now: what the decision is made from, and what it says.
//!
//! These are facts for a product, not legal advice.

mod consent;
mod decision;
mod facts;
mod local;
mod policy;
mod purpose;
mod rule;

pub use self::consent::ConsentKind;
pub use self::decision::{
    AgentReason, CalleeTime, CallerReason, Decision, LocalMoment, Refusal, RefusalCode, RuleVerdict, UsedRule,
};
pub use self::facts::{CallingFacts, Consent, ContactPlace, DoNotCallList};
pub use self::local::{Interval, LocalDate, MinuteOfDay, OpenHours, Region, ZoneName};
pub use self::policy::{
    CallerNumberStrategy, CallingPolicy, Mode, Modes, PackChoice, PolicyFault, RuleGroup, VersionedPolicy,
};
pub use self::purpose::{CallPurpose, CallSubject};
pub use self::rule::{
    AppliedRule, AppliedRules, Cap, Cause, CoolDown, OpenTimes, Place, PlaceBasis, RuleId, TimeOfRule,
};
