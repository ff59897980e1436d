//! What a sync changes: a pure function of what the directory, the workspace and the trunk have.

use std::collections::{HashMap, HashSet};

use super::finding::{SyncFinding, SyncProblem, SyncSubject};
use crate::ports::{
    ProvisionedAgent, ProvisionedNumber, ProvisionedTrunk, TrunkListing, WorkspaceAgent, WorkspaceNumber,
};
use crate::{
    Agent, AgentId, CallerNumber, Carrier, NumberRecord, OrganizationId, PersonName, PhoneNumber,
    ProviderAgentId, ProviderNumberId, TrunkId, UserId,
};

/// Who owns what the directory lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The organization of agents. Its agents without a provider's id are linked by name.
    pub organization_id: OrganizationId,
    /// The user of numbers. Without one, no number is imported.
    pub user_id: Option<UserId>,
}

/// Everything that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct SyncInput<'a> {
    /// The agents of the directory.
    pub agents: &'a [Agent],
    /// The numbers of the directory.
    pub numbers: &'a [NumberRecord],
    /// The agents of the workspace.
    pub workspace_agents: &'a [WorkspaceAgent],
    /// The numbers of the workspace.
    pub workspace_numbers: &'a [WorkspaceNumber],
    /// The trunk and its carrier, if the carrier's account is configured.
    pub trunk: Option<(&'a Carrier, &'a TrunkListing)>,
    /// The limit of the trunk that is stored.
    pub calls_per_second: Option<u32>,
    /// The carriers whose numbers serve the calls of the voice provider.
    pub carriers: &'a [Carrier],
    /// Who owns what the directory lacks.
    pub adoption: Option<&'a Adoption>,
}

/// What to change, and what an operator has to do by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncPlan {
    /// The numbers that change.
    pub number_changes: Vec<NumberChange>,
    /// The agents that change.
    pub agent_changes: Vec<AgentChange>,
    /// The agents that are imported.
    pub imported_agents: Vec<Agent>,
    /// The numbers that are imported.
    pub imported_numbers: Vec<NumberRecord>,
    /// The new limit of the trunk.
    pub trunk_change: Option<TrunkChange>,
    /// What an operator has to do by hand.
    pub findings: Vec<SyncFinding>,
    /// Whether some number serves AI calls now, and none would after the change.
    pub stops_all_calls: bool,
}

/// A number that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberChange {
    /// The number as it is stored.
    pub before: CallerNumber,
    /// Whether it is on the trunk.
    pub on_trunk: bool,
    /// The voice provider's id of it.
    pub provider_number_id: Option<ProviderNumberId>,
}

/// An agent that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentChange {
    /// The agent as it is stored.
    pub before: Agent,
    /// The voice provider's id of it.
    pub provider_agent_id: ProviderAgentId,
}

/// A trunk whose limit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkChange {
    /// The carrier's id of the trunk.
    pub id: TrunkId,
    /// Its carrier.
    pub carrier: Carrier,
    /// The limit that is stored.
    pub before: Option<u32>,
    /// How many calls may start in a second.
    pub calls_per_second: u32,
}

impl NumberChange {
    pub(super) fn provisioned(&self) -> ProvisionedNumber {
        ProvisionedNumber {
            organization_id: self.before.organization_id.clone(),
            phone_number: self.before.phone_number.clone(),
            on_trunk: self.on_trunk,
            provider_number_id: self.provider_number_id.clone(),
        }
    }
}

impl TrunkChange {
    pub(super) fn provisioned(&self) -> ProvisionedTrunk {
        ProvisionedTrunk {
            id: self.id.clone(),
            carrier: self.carrier.clone(),
            calls_per_second: self.calls_per_second,
        }
    }
}

impl AgentChange {
    pub(super) fn provisioned(&self) -> ProvisionedAgent {
        ProvisionedAgent {
            organization_id: self.before.organization_id.clone(),
            agent_id: self.before.id.clone(),
            provider_agent_id: self.provider_agent_id.clone(),
        }
    }
}

impl SyncPlan {
    /// Computes the plan.
    #[must_use]
    pub fn compute(input: &SyncInput<'_>) -> Self {
        let mut plan = Self { trunk_change: trunk_change(input), ..Self::default() };
        plan.link_agents(input);
        plan.update_numbers(input);
        plan.import_numbers(input);
        plan
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.number_changes.is_empty()
            && self.agent_changes.is_empty()
            && self.imported_agents.is_empty()
            && self.imported_numbers.is_empty()
            && self.trunk_change.is_none()
    }

    fn find(&mut self, subject: SyncSubject, problem: SyncProblem) {
        self.findings.push(SyncFinding { subject, problem });
    }

    /// An agent keeps the provider's id that it has: another key could show another workspace.
    fn link_agents(&mut self, input: &SyncInput<'_>) {
        let listed: HashSet<&ProviderAgentId> =
            input.workspace_agents.iter().map(|agent| &agent.id).collect();
        let mut linked: HashSet<&ProviderAgentId> =
            input.agents.iter().filter_map(|agent| agent.provider_agent_id.as_ref()).collect();
        for agent in input.agents {
            let subject = || SyncSubject::Agent {
                organization_id: agent.organization_id.clone(),
                id: agent.id.clone(),
                name: agent.name.clone(),
            };
            match &agent.provider_agent_id {
                Some(id) if !listed.contains(id) && agent.voice_enabled => {
                    self.find(subject(), SyncProblem::AgentNotInWorkspace);
                }
                Some(_) => {}
                None => match counterpart(agent, input, &linked) {
                    Some(id) => {
                        linked.insert(id);
                        self.agent_changes
                            .push(AgentChange { before: agent.clone(), provider_agent_id: id.clone() });
                    }
                    None if agent.voice_enabled => self.find(subject(), SyncProblem::AgentNotSynced),
                    None => {}
                },
            }
        }
        let taken: HashSet<&str> = input.agents.iter().map(|agent| agent.id.as_str()).collect();
        for agent in input.workspace_agents.iter().filter(|agent| !linked.contains(&agent.id)) {
            // The id of a new agent is that of the provider, so that a second sync finds it.
            let id = AgentId::parse(agent.id.as_str()).ok().filter(|id| !taken.contains(id.as_str()));
            match (input.adoption, id, name_of(agent)) {
                (Some(adoption), Some(id), Some(name)) => {
                    self.imported_agents.push(Agent {
                        id,
                        organization_id: adoption.organization_id.clone(),
                        name,
                        voice_enabled: true,
                        provider_agent_id: Some(agent.id.clone()),
                    });
                }
                _ => {
                    let subject =
                        SyncSubject::UnknownAgent { id: agent.id.clone(), name: agent.name.clone() };
                    self.find(subject, SyncProblem::UnknownAgent);
                }
            }
        }
    }

    fn update_numbers(&mut self, input: &SyncInput<'_>) {
        let mut listed: HashMap<&PhoneNumber, Vec<&WorkspaceNumber>> = HashMap::new();
        for number in input.workspace_numbers {
            listed.entry(&number.phone_number).or_default().push(number);
        }
        let (mut serve_now, mut serve_then) = (0, 0);
        for NumberRecord { number, .. } in input.numbers {
            if !input.carriers.contains(&number.carrier) {
                continue;
            }
            let in_workspace = listed.get(&number.phone_number).map_or(&[][..], Vec::as_slice);
            let chosen = choose(number, in_workspace);
            let provider_number_id = match (chosen, in_workspace) {
                (Some(chosen), _) => Some(chosen.id.clone()),
                (None, []) => None,
                // It is not clear which one is meant.
                (None, _) => number.provider_number_id.clone(),
            };
            let on_trunk = match input.trunk {
                Some((carrier, listing)) if *carrier == number.carrier => {
                    listing.numbers.contains(&number.phone_number)
                }
                _ => number.on_trunk,
            };
            let after = CallerNumber { on_trunk, provider_number_id, ..number.clone() };
            serve_now += u32::from(number.for_ai_call(input.carriers).is_ok());
            serve_then += u32::from(after.for_ai_call(input.carriers).is_ok());
            if number.ai_enabled {
                self.find_faults(&after, chosen, in_workspace, input);
            }
            if after != *number {
                self.number_changes.push(NumberChange {
                    before: number.clone(),
                    on_trunk,
                    provider_number_id: after.provider_number_id,
                });
            }
        }
        self.stops_all_calls = serve_now > 0 && serve_then == 0;
    }

    /// Every reason why AI calls from a number that is enabled for them would fail.
    fn find_faults(
        &mut self,
        number: &CallerNumber,
        chosen: Option<&WorkspaceNumber>,
        in_workspace: &[&WorkspaceNumber],
        input: &SyncInput<'_>,
    ) {
        let subject = || SyncSubject::Number {
            organization_id: Some(number.organization_id.clone()),
            phone_number: number.phone_number.clone(),
        };
        if !number.on_trunk {
            self.find(subject(), SyncProblem::NotOnTrunk);
        }
        match (chosen, in_workspace) {
            (None, []) => self.find(subject(), SyncProblem::NumberNotInWorkspace),
            (None, _) => self.find(subject(), SyncProblem::TwiceInWorkspace),
            (Some(chosen), _) if !chosen.can_call_out => self.find(subject(), SyncProblem::CannotCallOut),
            (Some(chosen), _) if number.on_trunk && !calls_over(chosen, input) => {
                self.find(subject(), SyncProblem::OtherTrunk);
            }
            (Some(_), _) => {}
        }
    }

    fn import_numbers(&mut self, input: &SyncInput<'_>) {
        let known: HashSet<&PhoneNumber> =
            input.numbers.iter().map(|record| &record.number.phone_number).collect();
        let owner = input.adoption.and_then(|it| Some((&it.organization_id, it.user_id.as_ref()?)));
        let mut position = next_position(input, owner.map(|(_, user)| user));
        let mut seen = HashSet::new();
        for listed in input.workspace_numbers.iter().filter(|it| !known.contains(&it.phone_number)) {
            let is_first = seen.insert(&listed.phone_number);
            let of_trunk = input.trunk.filter(|(_, it)| it.numbers.contains(&listed.phone_number));
            let subject =
                SyncSubject::Number { organization_id: None, phone_number: listed.phone_number.clone() };
            match (owner, of_trunk) {
                _ if !is_first => self.find(subject, SyncProblem::TwiceInWorkspace),
                (Some((organization_id, user_id)), Some((carrier, _))) if listed.can_call_out => {
                    self.imported_numbers.push(NumberRecord {
                        number: CallerNumber {
                            organization_id: organization_id.clone(),
                            user_id: user_id.clone(),
                            phone_number: listed.phone_number.clone(),
                            carrier: carrier.clone(),
                            ai_enabled: true,
                            on_trunk: true,
                            provider_number_id: Some(listed.id.clone()),
                        },
                        position,
                    });
                    position = position.saturating_add(1);
                }
                (Some(_), Some(_)) => self.find(subject, SyncProblem::CannotCallOut),
                _ => self.find(subject, SyncProblem::UnknownNumber),
            }
        }
    }
}

fn trunk_change(input: &SyncInput<'_>) -> Option<TrunkChange> {
    let (carrier, TrunkListing { trunk, .. }) = input.trunk?;
    let is_new = input.calls_per_second != Some(trunk.calls_per_second);
    is_new.then(|| TrunkChange {
        id: trunk.id.clone(),
        carrier: carrier.clone(),
        before: input.calls_per_second,
        calls_per_second: trunk.calls_per_second,
    })
}

/// The workspace's agent for one that has no provider's id: that with the same id, or, in the
/// organization that the operator names, that with the same name. In another organization, the same
/// name can be a coincidence, and another company's agent would speak.
fn counterpart<'a>(
    agent: &Agent,
    input: &SyncInput<'a>,
    linked: &HashSet<&ProviderAgentId>,
) -> Option<&'a ProviderAgentId> {
    let free = || input.workspace_agents.iter().filter(|it| !linked.contains(&it.id));
    if let Some(same) = free().find(|it| it.id.as_str() == agent.id.as_str()) {
        return Some(&same.id);
    }
    input.adoption.filter(|it| it.organization_id == agent.organization_id)?;
    let is_other = |it: &&Agent| it.provider_agent_id.is_none() && it.id != agent.id;
    let mut namesakes = input.agents.iter().filter(is_other);
    if namesakes.any(|it| it.name == agent.name && it.organization_id == agent.organization_id) {
        return None;
    }
    let mut with_name = free().filter(|it| it.name.as_ref() == Some(&agent.name));
    match (with_name.next(), with_name.next()) {
        (Some(same), None) => Some(&same.id),
        _ => None,
    }
}

fn name_of(agent: &WorkspaceAgent) -> Option<PersonName> {
    agent.name.clone().or_else(|| PersonName::parse(agent.id.as_str()).ok())
}

/// The workspace's entry of a number: the one that is stored, the only one, or the only one that can
/// call out.
pub(in crate::use_cases) fn choose<'a>(
    number: &CallerNumber,
    in_workspace: &[&'a WorkspaceNumber],
) -> Option<&'a WorkspaceNumber> {
    if let [only] = in_workspace {
        return Some(only);
    }
    let is_stored = |it: &&&WorkspaceNumber| number.provider_number_id.as_ref() == Some(&it.id);
    if let Some(stored) = in_workspace.iter().find(is_stored) {
        return Some(stored);
    }
    let mut outbound = in_workspace.iter().filter(|it| it.can_call_out);
    match (outbound.next(), outbound.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Whether the workspace sends the calls of a number to the trunk that was read, as far as both name
/// the host.
fn calls_over(listed: &WorkspaceNumber, input: &SyncInput<'_>) -> bool {
    let domain = input.trunk.and_then(|(_, listing)| listing.trunk.domain.as_ref());
    match (&listed.trunk_host, domain) {
        (Some(host), Some(domain)) => host == domain,
        _ => true,
    }
}

fn next_position(input: &SyncInput<'_>, user: Option<&UserId>) -> u32 {
    let own = input.numbers.iter().filter(|record| Some(&record.number.user_id) == user);
    own.map(|record| record.position.saturating_add(1)).max().unwrap_or(0)
}
