//! Identifying the caller of an inbound call while the phone rings.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::request_source::{NoSource, RequestSources};
use crate::ports::{
    Clock, ContextCache, InboundDirectory, InboundParties, InboundQuery, PersonalizationQuestion,
    PortUnavailable, ProviderReply, ProviderWebhook, UnreadableQuestion, VendorAccounts, WebhookCredentials,
};
use crate::{
    ConversationContext, ConversationId, InboundCall, InboundContext, OrganizationId, Personalization,
};

/// Identifies the caller, and stores the context for the conversation's events. If this fails the
/// call continues: the agent then greets an unknown caller.
pub struct PersonalizeCall {
    ports: PersonalizeCallPorts,
    accounts: Option<Arc<dyn VendorAccounts>>,
    ttl: Duration,
}

/// The ports that personalizing needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct PersonalizeCallPorts {
    pub webhook: Arc<dyn ProviderWebhook>,
    pub directory: Arc<dyn InboundDirectory>,
    pub contexts: Arc<dyn ContextCache>,
    pub clock: Arc<dyn Clock>,
}

/// The caller hears silence until we answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

impl PersonalizeCall {
    /// The use case on these ports. Contexts are stored for `ttl`.
    #[must_use]
    pub const fn new(ports: PersonalizeCallPorts, ttl: Duration) -> Self {
        Self { ports, accounts: None, ttl }
    }

    /// Answers questions that show the tool secret of an organization, too.
    #[must_use]
    pub fn with_accounts(self, accounts: Arc<dyn VendorAccounts>) -> Self {
        Self { accounts: Some(accounts), ..self }
    }

    /// Verifies that the provider asks, before the body of its question is read. Returns the
    /// organization whose secret the question shows, or `None` for that of the gateway.
    pub async fn verify(&self, credentials: &WebhookCredentials) -> Result<Option<OrganizationId>, NoSource> {
        let sources = RequestSources { gateway: self.ports.webhook.clone(), accounts: self.accounts.clone() };
        let source = sources.of(None, credentials).await?;
        source.webhook.verify_question(credentials)?;
        Ok(source.organization_id)
    }

    /// Reads the provider's question.
    pub fn read(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
        self.ports.webhook.read_question(body)
    }

    /// Writes the reply to a question, in the form that the question asks for.
    #[must_use]
    pub fn reply(
        &self,
        question: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply {
        self.ports.webhook.write_reply(question, personalization)
    }

    /// What the agent receives about the caller; `None` if no contact calls from this number, or
    /// the lookup takes too long. With an organization, only its numbers count.
    pub async fn personalize(
        &self,
        organization_id: Option<OrganizationId>,
        call: &InboundCall,
    ) -> Option<Personalization> {
        let identified = pin!(self.identify(organization_id, call));
        let overdue = pin!(self.ports.clock.sleep(ANSWERED_WITHIN));
        match select(identified, overdue).await {
            Either::Left((Ok(personalization), _)) => personalization,
            Either::Left((Err(error), _)) => {
                tracing::warn!(%error, "could not look up the caller of an inbound call; the agent greets an unknown caller");
                None
            }
            Either::Right(_) => {
                tracing::warn!(
                    "looking up the caller of an inbound call took too long; the agent greets an unknown caller"
                );
                None
            }
        }
    }

    async fn identify(
        &self,
        organization_id: Option<OrganizationId>,
        call: &InboundCall,
    ) -> Result<Option<Personalization>, PortUnavailable> {
        let (Some(caller), Some(called)) = (&call.caller, &call.called) else { return Ok(None) };
        let query = InboundQuery {
            called: called.clone(),
            caller: caller.clone(),
            provider_agent_id: call.provider_agent_id.clone(),
            organization_id,
        };
        let Some(parties) = self.ports.directory.identify(&query).await? else { return Ok(None) };
        if let Some(conversation_id) = &call.conversation_id
            && let Err(error) = self.store_context(conversation_id, &query, &parties).await
        {
            tracing::warn!(%error, "could not store the context of an inbound call; its events are not recognized as inbound");
        }
        let InboundParties { organization, contact, .. } = parties;
        Ok(contact.map(|contact| Personalization {
            caller_name: contact.spoken_name(),
            caller_number: query.caller,
            organization_name: organization.name,
        }))
    }

    /// A conversation of a call that we placed keeps its context.
    async fn store_context(
        &self,
        conversation_id: &ConversationId,
        query: &InboundQuery,
        parties: &InboundParties,
    ) -> Result<(), PortUnavailable> {
        if let Some(ConversationContext::Outbound(_)) = self.ports.contexts.find(conversation_id).await? {
            return Ok(());
        }
        let context = ConversationContext::Inbound(InboundContext {
            conversation_id: conversation_id.clone(),
            organization_id: parties.organization.id.clone(),
            user_id: parties.user_id.clone(),
            contact_id: parties.contact.as_ref().map(|contact| contact.id.clone()),
            provider_agent_id: query.provider_agent_id.clone(),
            caller: query.caller.clone(),
            called: query.called.clone(),
            started_at: self.ports.clock.now(),
        });
        self.ports.contexts.store(&context, self.ttl).await
    }
}
