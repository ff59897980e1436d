//! The rules of calling that are only warned about, or off.

use domain::{OrganizationReview, review_organizations};

use super::Finding;
use super::directory::DIRECTORY;
use super::stores::{Listing, Unread};
use crate::config::Settings;
use crate::demo;

const RULES: &str = "rules";

pub(super) fn check(settings: &Settings, listing: &Listing) -> Vec<Finding> {
    let stored = match listing {
        Ok(stored) => stored,
        Err(Unread::Behind(other)) => return vec![Finding::behind(RULES, other)],
        Err(Unread::Failed(_)) => return vec![Finding::behind(RULES, DIRECTORY)],
    };
    let policy = demo::calling_policy(settings.is_demo());
    let reviews = review_organizations(&stored.directory, &[], &policy);
    if reviews.is_empty() {
        return vec![Finding::behind(RULES, DIRECTORY)];
    }
    let findings: Vec<_> = reviews.iter().filter_map(of).collect();
    if findings.is_empty() {
        return vec![Finding::ok(RULES, "every organization enforces all groups of rules")];
    }
    findings
}

fn of(review: &OrganizationReview) -> Option<Finding> {
    if review.not_enforced.is_empty() {
        return None;
    }
    let not_enforced = review.not_enforced.iter();
    let names: Vec<&str> = not_enforced.clone().map(|(group, _)| group.as_str()).collect();
    let modes: Vec<String> =
        not_enforced.map(|(group, mode)| format!("{} ({})", group.as_str(), mode.as_str())).collect();
    let source = if review.has_policy { "" } else { "; it stored no calling policy" };
    let found = format!("calls that break these rules are made: {}{source}", modes.join(", "));
    let remedy = format!("set {} to enforce in the calling policy", names.join(", "));
    Some(Finding::warning(RULES, found, remedy).about(review.organization_id.as_str()))
}
