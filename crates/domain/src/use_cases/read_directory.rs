//! Reading the agents, numbers and contacts of an organization.

use std::sync::Arc;

use crate::ports::{DirectoryPage, DirectoryQuery, DirectoryReader, UserRepo};
use crate::{
    Agent, AgentId, CallerNumber, Contact, ContactId, HistoryFilter, PhoneNumber, ReadCallsError, UserId,
};

/// Lists the records of a user's organization, with the limits of the history of calls.
pub struct ReadDirectory {
    users: Arc<dyn UserRepo>,
    directory: Arc<dyn DirectoryReader>,
}

impl ReadDirectory {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(users: Arc<dyn UserRepo>, directory: Arc<dyn DirectoryReader>) -> Self {
        Self { users, directory }
    }

    /// Lists one page of voice agents.
    pub async fn agents(
        &self,
        user: &UserId,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<DirectoryPage<Agent>, ReadCallsError> {
        Ok(self.directory.agents(&self.query(user, after, limit).await?).await?)
    }

    /// Lists the agents that a call can be transferred to: those that may speak on the phone and are
    /// synced with the voice provider, without `excluded`.
    pub async fn transferable_agents(
        &self,
        user: &UserId,
        excluded: Option<&AgentId>,
    ) -> Result<Vec<Agent>, ReadCallsError> {
        let mut query = self.query(user, None, HistoryFilter::MAX_LIMIT).await?;
        let mut transferable = Vec::new();
        loop {
            let page = self.directory.agents(&query).await?.records;
            let is_last = page.len() < query.limit as usize;
            query.after = page.last().map(|agent| agent.id.clone());
            transferable.extend(page.into_iter().filter(|agent| {
                agent.voice_enabled && agent.provider_agent_id.is_some() && Some(&agent.id) != excluded
            }));
            if is_last {
                return Ok(transferable);
            }
        }
    }

    /// Lists one page of the numbers of all users.
    pub async fn numbers(
        &self,
        user: &UserId,
        after: Option<PhoneNumber>,
        limit: u32,
    ) -> Result<DirectoryPage<CallerNumber>, ReadCallsError> {
        Ok(self.directory.numbers(&self.query(user, after, limit).await?).await?)
    }

    /// Lists one page of contacts.
    pub async fn contacts(
        &self,
        user: &UserId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<DirectoryPage<Contact>, ReadCallsError> {
        Ok(self.directory.contacts(&self.query(user, after, limit).await?).await?)
    }

    async fn query<K>(
        &self,
        user: &UserId,
        after: Option<K>,
        limit: u32,
    ) -> Result<DirectoryQuery<K>, ReadCallsError> {
        let user = self.users.find(user).await?.ok_or(ReadCallsError::UserNotFound)?;
        Ok(DirectoryQuery {
            organization_id: user.organization.id,
            after,
            limit: limit.clamp(1, HistoryFilter::MAX_LIMIT),
            count_up_to: HistoryFilter::MAX_COUNT,
        })
    }
}
