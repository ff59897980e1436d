//! The suite of [`AgentRepo`](domain::ports::AgentRepo).

use domain::{Agent, AgentId, DirectoryRecord, OrganizationId};

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, agent, agent_id, organization};
use crate::harness::AgentRepoHarness;

suite! {
    $ agent_repo_suite of agent_repo:
    an_agent_is_loaded_as_it_was_saved,
    another_tenants_agent_is_absent,
    an_unknown_agent_is_absent,
    the_default_agent_is_the_first_voice_enabled_one,
    a_synced_agent_is_preferred_as_default,
    without_a_voice_enabled_agent_there_is_no_default,
    a_lost_agent_store_is_unavailable,
}

/// An agent is loaded with every field, voice-enabled or not, synced or not.
pub async fn an_agent_is_loaded_as_it_was_saved(harness: &impl AgentRepoHarness) {
    let organization = organization();
    let agents = [
        agent(&organization.id),
        Agent { voice_enabled: false, ..agent(&organization.id) },
        Agent { provider_agent_id: None, ..agent(&organization.id) },
        Agent { voice_enabled: false, provider_agent_id: None, ..agent(&organization.id) },
    ];
    harness.store(&[DirectoryRecord::Organization(organization.clone())]).await;
    harness.store(&records(&agents)).await;
    for saved in agents {
        let loaded = harness.agents().find(&organization.id, &saved.id).await.expect("store is up");
        assert_eq!(loaded, Some(saved));
    }
}

/// Another tenant's agent is found neither by its id nor as the default.
pub async fn another_tenants_agent_is_absent(harness: &impl AgentRepoHarness) {
    let (ours, theirs) = (organization(), Tenant::new());
    harness.store(&theirs.records()).await;
    harness.store(&[DirectoryRecord::Organization(ours.clone())]).await;
    let found = harness.agents().find(&ours.id, &theirs.agent.id).await.expect("store is up");
    assert_eq!(found, None);
    assert_eq!(default_of(harness, &ours.id).await, None);
}

/// No agent is found by an id that is not stored.
pub async fn an_unknown_agent_is_absent(harness: &impl AgentRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let odd =
        ["0", "%", "' OR '1'='1", "{}", "ÿ"].map(|text| AgentId::parse(text).expect("an id may be any text"));
    for id in odd.into_iter().chain([agent_id()]) {
        let found = harness.agents().find(&tenant.organization.id, &id).await;
        assert_eq!(found.expect("an unknown id is no error"), None, "{id}");
    }
}

/// The default is the voice-enabled agent that was stored first: neither the first by id or name,
/// nor the one that was replaced last.
pub async fn the_default_agent_is_the_first_voice_enabled_one(harness: &impl AgentRepoHarness) {
    let organization = organization();
    harness.store(&[DirectoryRecord::Organization(organization.clone())]).await;
    let mut ids = [agent_id(), agent_id(), agent_id(), agent_id()];
    ids.sort();
    ids.reverse();
    let mut agents = ids.map(|id| Agent { id, ..agent(&organization.id) });
    agents[0].voice_enabled = false;
    // Stored in one batch, so that timestamps do not give their order.
    harness.store(&records(&agents)).await;
    assert_eq!(default_of(harness, &organization.id).await.as_ref(), Some(&agents[1]));

    harness.store(&records(&agents[1..2])).await;
    let default = default_of(harness, &organization.id).await;
    assert_eq!(default.as_ref(), Some(&agents[1]), "an agent that is replaced keeps its place");
}

/// A synced agent is the default, even if an agent that is not synced was stored earlier. If none
/// is synced, the first one is the default.
pub async fn a_synced_agent_is_preferred_as_default(harness: &impl AgentRepoHarness) {
    let organization = organization();
    harness.store(&[DirectoryRecord::Organization(organization.clone())]).await;
    let mute = Agent { voice_enabled: false, ..agent(&organization.id) };
    let unsynced = [0, 1].map(|_| Agent { provider_agent_id: None, ..agent(&organization.id) });
    harness.store(&records(&[mute])).await;
    harness.store(&records(&unsynced)).await;
    assert_eq!(default_of(harness, &organization.id).await.as_ref(), Some(&unsynced[0]));

    let synced = [0, 1].map(|_| agent(&organization.id));
    harness.store(&records(&synced)).await;
    assert_eq!(default_of(harness, &organization.id).await.as_ref(), Some(&synced[0]));
}

/// An organization without agents, or without voice-enabled agents, has no default.
pub async fn without_a_voice_enabled_agent_there_is_no_default(harness: &impl AgentRepoHarness) {
    let organization = organization();
    harness.store(&[DirectoryRecord::Organization(organization.clone())]).await;
    assert_eq!(default_of(harness, &organization.id).await, None);
    let mute = Agent { voice_enabled: false, ..agent(&organization.id) };
    harness.store(&records(&[mute])).await;
    assert_eq!(default_of(harness, &organization.id).await, None);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting an id.
pub async fn a_lost_agent_store_is_unavailable(harness: &impl AgentRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (agents, organization, id) = (harness.agents(), &tenant.organization.id, &tenant.agent.id);
    harness.lose().await;
    let private = [id.as_str(), organization.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, agents.find(organization, id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, agents.default_for(organization), &private).await;
}

async fn default_of(harness: &impl AgentRepoHarness, organization: &OrganizationId) -> Option<Agent> {
    harness.agents().default_for(organization).await.expect("store is up")
}

fn records(agents: &[Agent]) -> Vec<DirectoryRecord> {
    agents.iter().cloned().map(DirectoryRecord::Agent).collect()
}
