use crate::ports::{CredentialStore, OrganizationPolicy, PortUnavailable, Provisioning};
use crate::{Agent, NumberRecord, StoredCredentials, User};

/// The records of all organizations that decide whether calls can be placed. For the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryListing {
    /// The organizations, with their policies.
    pub organizations: Vec<OrganizationPolicy>,
    /// The users.
    pub users: Vec<User>,
    /// The agents.
    pub agents: Vec<Agent>,
    /// The numbers.
    pub numbers: Vec<NumberRecord>,
}

/// The number of records in a page, and of changes in a statement.
pub(super) const PAGE_LEN: u32 = 500;

impl DirectoryListing {
    /// Reads the records, in pages.
    pub async fn read(provisioning: &dyn Provisioning) -> Result<Self, PortUnavailable> {
        Ok(Self {
            organizations: stored_organizations(provisioning).await?,
            users: stored_users(provisioning).await?,
            agents: stored_agents(provisioning).await?,
            numbers: stored_numbers(provisioning).await?,
        })
    }
}

async fn stored_organizations(
    provisioning: &dyn Provisioning,
) -> Result<Vec<OrganizationPolicy>, PortUnavailable> {
    let mut organizations: Vec<OrganizationPolicy> = Vec::new();
    loop {
        let after = organizations.last().map(|it| it.organization_id.clone());
        if add(&mut organizations, provisioning.organizations(after, PAGE_LEN).await?) {
            return Ok(organizations);
        }
    }
}

async fn stored_users(provisioning: &dyn Provisioning) -> Result<Vec<User>, PortUnavailable> {
    let mut users: Vec<User> = Vec::new();
    loop {
        let after = users.last().map(|user| user.id.clone());
        if add(&mut users, provisioning.users(after, PAGE_LEN).await?) {
            return Ok(users);
        }
    }
}

pub(super) async fn stored_agents(provisioning: &dyn Provisioning) -> Result<Vec<Agent>, PortUnavailable> {
    let mut agents: Vec<Agent> = Vec::new();
    loop {
        let after = agents.last().map(|agent| agent.id.clone());
        if add(&mut agents, provisioning.agents(after, PAGE_LEN).await?) {
            return Ok(agents);
        }
    }
}

pub(super) async fn stored_numbers(
    provisioning: &dyn Provisioning,
) -> Result<Vec<NumberRecord>, PortUnavailable> {
    let mut numbers: Vec<NumberRecord> = Vec::new();
    loop {
        let last = numbers.last().map(|record| &record.number);
        let after = last.map(|number| (number.organization_id.clone(), number.phone_number.clone()));
        if add(&mut numbers, provisioning.numbers(after, PAGE_LEN).await?) {
            return Ok(numbers);
        }
    }
}

/// What organizations stored of their own accounts.
pub async fn stored_credentials(
    store: &dyn CredentialStore,
) -> Result<Vec<StoredCredentials>, PortUnavailable> {
    let mut credentials: Vec<StoredCredentials> = Vec::new();
    loop {
        let after = credentials.last().map(|stored| stored.organization_id.clone());
        if add(&mut credentials, store.list_credentials(after, PAGE_LEN).await?) {
            return Ok(credentials);
        }
    }
}

/// Adds a page. Returns whether it is the last one.
fn add<T>(records: &mut Vec<T>, page: Vec<T>) -> bool {
    let is_last = page.len() < PAGE_LEN as usize;
    records.extend(page);
    is_last
}
