use std::collections::{HashMap, HashSet};

use super::DirectoryListing;
use crate::{Agent, CallingPolicy, Carrier, Mode, NumberRecord, OrganizationId, RuleGroup, UserId};

/// What an organization lacks to place calls, and which rules it does not enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationReview {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The number of its users.
    pub users: usize,
    /// Those of them who have no number from which AI calls can be placed.
    pub users_without_number: Vec<UserId>,
    /// The number of its agents that can speak on the phone.
    pub agents: usize,
    /// The groups of rules that do not refuse a call, with their modes.
    pub not_enforced: Vec<(RuleGroup, Mode)>,
    /// Whether it stored a calling policy.
    pub has_policy: bool,
}

impl OrganizationReview {
    /// Whether it has users. An organization without any places no calls.
    #[must_use]
    pub const fn is_in_use(&self) -> bool {
        self.users > 0
    }
}

/// Reviews each organization of the directory. `carriers` are those whose numbers serve the calls of
/// the voice provider; `default_policy` is the policy of an organization that stored none.
#[must_use]
pub fn review_organizations(
    listing: &DirectoryListing,
    carriers: &[Carrier],
    default_policy: &CallingPolicy,
) -> Vec<OrganizationReview> {
    let callers: HashSet<&UserId> =
        listing.numbers.iter().filter(|it| serves(it, carriers)).map(|it| &it.number.user_id).collect();
    let mut users: HashMap<&OrganizationId, Vec<&UserId>> = HashMap::new();
    for user in &listing.users {
        users.entry(&user.organization.id).or_default().push(&user.id);
    }
    let mut agents: HashMap<&OrganizationId, usize> = HashMap::new();
    for agent in listing.agents.iter().filter(|agent| can_speak(agent)) {
        *agents.entry(&agent.organization_id).or_default() += 1;
    }
    let review = |id: &OrganizationId, policy: Option<&CallingPolicy>| {
        let users = users.get(id).map_or(&[][..], Vec::as_slice);
        let modes = policy.unwrap_or(default_policy).modes;
        let modes = RuleGroup::ALL.into_iter().map(|group| (group, modes.of(group)));
        OrganizationReview {
            organization_id: id.clone(),
            users: users.len(),
            users_without_number: users
                .iter()
                .filter(|id| !callers.contains(*id))
                .map(|id| (*id).clone())
                .collect(),
            agents: agents.get(id).copied().unwrap_or_default(),
            not_enforced: modes.filter(|(_, mode)| *mode != Mode::Enforce).collect(),
            has_policy: policy.is_some(),
        }
    };
    listing.organizations.iter().map(|it| review(&it.organization_id, it.policy.as_ref())).collect()
}

fn serves(record: &NumberRecord, carriers: &[Carrier]) -> bool {
    record.number.for_ai_call(carriers).is_ok()
}

const fn can_speak(agent: &Agent) -> bool {
    agent.voice_enabled && agent.provider_agent_id.is_some()
}

#[cfg(test)]
mod tests;
