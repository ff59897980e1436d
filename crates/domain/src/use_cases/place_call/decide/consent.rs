use super::Question;
use super::findings::{Findings, Reason, Source};
use crate::{AppliedRules, Consent, ConsentKind, RefusalCode, RuleGroup, Timestamp};

/// Checks the consents that the policy and the rules ask for.
pub(super) fn check(findings: &mut Findings, question: &Question<'_>, applied: &AppliedRules) {
    let by_policy = question.policy.consent_required.contains(&question.purpose);
    let own = by_policy.then(|| (question.own_rule("consent-required"), ConsentKind::Express));
    let of_rules = applied.rules.iter().filter_map(|rule| Some((Source::from(rule), rule.consent?)));
    for (rule, needed) in own.into_iter().chain(of_rules) {
        findings.ask(RuleGroup::Consent, rule, || {
            let Err(code) = state(question, needed) else { return Vec::new() };
            let what = match code {
                RefusalCode::ConsentRevoked => "was revoked",
                RefusalCode::ConsentExpired => "has expired",
                _ => "is not on record",
            };
            vec![Reason::new(code, format!("the {} consent of the callee {what}", needed.as_str()))]
        });
    }
}

/// Whether a consent of this kind is in force, or why none is. A revocation also ends the other
/// consents that were given before it and include what it revokes: the person does not know the
/// records.
pub(super) fn state(question: &Question<'_>, needed: ConsentKind) -> Result<(), RefusalCode> {
    let (now, consents) = (question.now, &question.facts.consents);
    let has_begun = |at: Timestamp| at <= now;
    let revoked_after = |kind, given_at| {
        consents.iter().any(|consent| {
            let is_later = consent.revoked_at.is_some_and(|at| has_begun(at) && at >= given_at);
            is_later && consent.kind <= kind
        })
    };
    let given = || consents.iter().filter(|consent| consent.kind >= needed && has_begun(consent.given_at));
    let is_revoked = |consent: &Consent| {
        consent.revoked_at.is_some_and(has_begun) || revoked_after(consent.kind, consent.given_at)
    };
    let has_expired = |consent: &Consent| consent.expires_at.is_some_and(has_begun);
    if given().any(|consent| !is_revoked(consent) && !has_expired(consent)) {
        Ok(())
    } else if given().any(is_revoked) {
        Err(RefusalCode::ConsentRevoked)
    } else if given().next().is_some() {
        Err(RefusalCode::ConsentExpired)
    } else {
        Err(RefusalCode::ConsentMissing)
    }
}
