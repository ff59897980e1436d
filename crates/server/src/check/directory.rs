//! Whether organizations can place calls: their agents, numbers and users, and the trunk.

use domain::{
    Carrier, OrganizationId, OrganizationReview, SyncFinding, SyncInput, SyncPlan, SyncSubject, UserId,
    review_organizations,
};

use super::Finding;
use super::accounts::AccountsRead;
use super::provider::{PROVIDER_KEY, of_failure};
use super::stores::{Listing, Stored, Unread};
use crate::config::Settings;
use crate::{demo, wiring};

pub(super) const DIRECTORY: &str = "directory";
const TRUNK: &str = "trunk";
const AGENTS: &str = "agents";
const NUMBERS: &str = "numbers";
const USERS: &str = "users";

/// How many users a line names.
const NAMED_USERS: usize = 5;

pub(super) fn check(settings: &Settings, accounts: Option<&AccountsRead>, listing: &Listing) -> Vec<Finding> {
    let carriers = wiring::carriers(&settings.voice).unwrap_or_default();
    let plan = accounts.and_then(|accounts| plan(accounts, listing.as_ref().ok()?, &carriers));
    let mut findings: Vec<_> = accounts.map(of_key).into_iter().collect();
    findings.push(of_trunk(accounts, listing));
    findings.push(of_directory(accounts, listing, plan.as_ref()));
    match listing {
        Ok(stored) if stored.directory.organizations.is_empty() => {
            findings.extend([AGENTS, NUMBERS, USERS].map(|id| Finding::behind(id, DIRECTORY)));
        }
        Ok(stored) => {
            let policy = demo::calling_policy(settings.is_demo());
            let reviews = review_organizations(&stored.directory, &carriers, &policy);
            findings.extend(of_agents(&reviews, plan.as_ref()));
            findings.extend(of_numbers(stored, &carriers, plan.as_ref()));
            findings.extend(of_users(&reviews));
        }
        Err(Unread::Behind(other)) => {
            findings.extend([AGENTS, NUMBERS, USERS].map(|id| Finding::behind(id, other)));
        }
        Err(Unread::Failed(_)) => {
            findings.extend([AGENTS, NUMBERS, USERS].map(|id| Finding::behind(id, DIRECTORY)));
        }
    }
    findings
}

/// The key is accepted if the workspace can be read with it.
fn of_key(accounts: &AccountsRead) -> Finding {
    match &accounts.workspace {
        Ok(_) => Finding::ok(PROVIDER_KEY, "ElevenLabs accepts the key"),
        Err(failure) => of_failure(PROVIDER_KEY, failure.clone()),
    }
}

/// What a sync would find. Without the trunk, which numbers are on it counts as stored.
fn plan(accounts: &AccountsRead, stored: &Stored, carriers: &[Carrier]) -> Option<SyncPlan> {
    let (agents, numbers) = accounts.workspace.as_ref().ok()?;
    let trunk = accounts.trunk.as_ref().and_then(|trunk| trunk.as_ref().ok());
    let (agents_of_others, numbers_of_others) = (
        stored.directory.agents.iter().filter(|it| !has_own_account(stored, &it.organization_id)),
        stored.directory.numbers.iter().filter(|it| !has_own_account(stored, &it.number.organization_id)),
    );
    Some(SyncPlan::compute(&SyncInput {
        agents: &agents_of_others.cloned().collect::<Vec<_>>(),
        numbers: &numbers_of_others.cloned().collect::<Vec<_>>(),
        workspace_agents: agents,
        workspace_numbers: numbers,
        trunk: trunk.map(|(carrier, listing)| (carrier, listing)),
        calls_per_second: stored.calls_per_second,
        carriers,
        adoption: None,
    }))
}

/// Whether the agents and numbers of the organization are in a workspace of its own.
fn has_own_account(stored: &Stored, organization_id: &OrganizationId) -> bool {
    let mut credentials = stored.credentials.iter();
    credentials.any(|it| it.organization_id == *organization_id && it.has_own_voice_account())
}

/// The carrier refuses more calls in a second as if the callee declined.
fn of_trunk(accounts: Option<&AccountsRead>, listing: &Listing) -> Finding {
    let trunk = match accounts.map(|accounts| &accounts.trunk) {
        None => return Finding::unneeded(TRUNK, "the trunk of this voice provider cannot be read"),
        Some(None) => {
            let found = "OUTDIAL_SINCH_* are not set: which numbers are on the trunk is not known";
            return Finding::skipped(TRUNK, found, "set the four settings of the Sinch account");
        }
        Some(Some(Err(failure))) => return of_failure(TRUNK, failure.clone()),
        Some(Some(Ok((_, listing)))) => &listing.trunk,
    };
    let limit = trunk.calls_per_second;
    let found = format!("{limit} calls may start on it in a second");
    match listing {
        Ok(Stored { calls_per_second: Some(stored), .. }) if *stored == limit => Finding::ok(TRUNK, found),
        Ok(Stored { calls_per_second, .. }) => {
            let stored = calls_per_second.map_or("nothing".to_owned(), |stored| stored.to_string());
            Finding::warning(TRUNK, format!("{found}, and {stored} is stored"), SYNC)
        }
        Err(_) => Finding::ok(TRUNK, found),
    }
}

const SYNC: &str = "run `outdial sync`";

/// Whether a sync would change what is stored.
fn of_directory(accounts: Option<&AccountsRead>, listing: &Listing, plan: Option<&SyncPlan>) -> Finding {
    match (listing, plan) {
        (Err(Unread::Failed(error)), _) => {
            Finding::failed(DIRECTORY, error, "grant the role all rights on the tables")
        }
        (Err(Unread::Behind(other)), _) => Finding::behind(DIRECTORY, other),
        (Ok(stored), _) if stored.directory.organizations.is_empty() => {
            let found = "it has no organization: there is no user who could place a call";
            Finding::failed(
                DIRECTORY,
                found,
                "load organizations, users, agents and numbers with `outdial import`",
            )
        }
        (Ok(_), Some(plan)) => {
            let (numbers, agents) = (plan.number_changes.len(), plan.agent_changes.len());
            if numbers + agents == 0 {
                return Finding::ok(DIRECTORY, "has what the vendors' accounts have");
            }
            let found = format!(
                "{numbers} numbers and {agents} agents differ from the vendors' accounts: their calls are refused or fail"
            );
            Finding::failed(DIRECTORY, found, SYNC)
        }
        (Ok(_), None) if accounts.is_some() => Finding::behind(DIRECTORY, PROVIDER_KEY),
        (Ok(_), None) => Finding::ok(DIRECTORY, "can be read; this voice provider's account is not compared"),
    }
}

fn of_agents(reviews: &[OrganizationReview], plan: Option<&SyncPlan>) -> Vec<Finding> {
    let without = reviews.iter().filter(|it| it.is_in_use() && it.agents == 0).map(|it| {
        let remedy = "import an agent with `voiceEnabled` and `providerAgentId`, or run `outdial sync --organization ID`";
        let found = "it has no agent that can speak on the phone: its calls are refused";
        Finding::failed(AGENTS, found, remedy).about(it.organization_id.as_str())
    });
    let mut findings: Vec<_> = without.collect();
    findings.extend(of_sync(AGENTS, plan));
    if findings.is_empty() {
        let agents: usize = reviews.iter().map(|it| it.agents).sum();
        findings.push(Finding::ok(AGENTS, format!("{agents} can speak on the phone")));
    }
    findings
}

fn of_numbers(stored: &Stored, carriers: &[Carrier], plan: Option<&SyncPlan>) -> Vec<Finding> {
    let mut findings = of_sync(NUMBERS, plan);
    if !findings.is_empty() {
        return findings;
    }
    let numbers = stored.directory.numbers.iter().map(|record| &record.number);
    // With a workspace, the findings of the sync say more of these.
    let unfit = numbers.clone().filter(|it| it.ai_enabled && plan.is_none());
    let unfit = unfit.filter_map(|it| Some((it.for_ai_call(carriers).err()?, it)));
    findings.extend(unfit.map(|(unfit, number)| {
        let remedy =
            "import the number again with `onTrunk` and `providerNumberId`, or with `aiEnabled: false`";
        Finding::failed(NUMBERS, unfit.to_string(), remedy).about(number.organization_id.as_str())
    }));
    if findings.is_empty() {
        let usable = numbers.filter(|number| number.for_ai_call(carriers).is_ok()).count();
        findings.push(if usable == 0 {
            let found = "no number serves AI calls: all calls are refused";
            Finding::failed(NUMBERS, found, "import one that is enabled for AI calls and on the trunk")
        } else {
            Finding::ok(NUMBERS, format!("{usable} serve AI calls"))
        });
    }
    findings
}

fn of_users(reviews: &[OrganizationReview]) -> Vec<Finding> {
    let findings: Vec<_> =
        reviews.iter().filter(|it| !it.users_without_number.is_empty()).map(of_idle).collect();
    if findings.is_empty() {
        let users: usize = reviews.iter().map(|it| it.users).sum();
        return vec![Finding::ok(USERS, format!("{users} have a number that serves AI calls"))];
    }
    findings
}

/// Users who cannot call. Some may be meant to: an administrator, for example.
fn of_idle(review: &OrganizationReview) -> Finding {
    let OrganizationReview { users, users_without_number: idle, .. } = review;
    let named: Vec<&str> = idle.iter().take(NAMED_USERS).map(UserId::as_str).collect();
    let more = if idle.len() > NAMED_USERS { ", ..." } else { "" };
    let found = format!(
        "{} of {users} users have no number that serves AI calls: {}{more}",
        idle.len(),
        named.join(", ")
    );
    let remedy = "give each of them who calls a number that is enabled for AI calls and on the trunk";
    let finding = if idle.len() == *users {
        Finding::failed(USERS, found, remedy)
    } else {
        Finding::warning(USERS, found, remedy)
    };
    finding.about(review.organization_id.as_str())
}

/// What an operator has to do by hand, of the agents or the numbers of the directory. What the
/// workspace has beyond it is no fault: it may serve other systems too.
fn of_sync(id: &'static str, plan: Option<&SyncPlan>) -> Vec<Finding> {
    let findings = plan.map_or(&[][..], |plan| &plan.findings);
    let of_it = findings.iter().filter_map(|SyncFinding { subject, problem }| {
        let subject = match subject {
            SyncSubject::Number { organization_id: Some(organization), phone_number } if id == NUMBERS => {
                format!("{} ({organization})", phone_number.as_e164())
            }
            SyncSubject::Agent { organization_id, id: agent, name } if id == AGENTS => {
                format!("{agent} ({}, {organization_id})", name.as_str())
            }
            SyncSubject::Number { .. } | SyncSubject::Agent { .. } | SyncSubject::UnknownAgent { .. } => {
                return None;
            }
        };
        Some(Finding::failed(id, problem.message(), problem.remedy()).about(subject))
    });
    of_it.collect()
}
