//! Telling the provider who calls, while the phone rings.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::ports::{
    Clock, ContextCache, InboundDirectory, InboundParties, InboundQuery, PortUnavailable, ProviderWebhook,
    Unverified, WebhookCredentials,
};
use crate::{ConversationContext, ConversationId, InboundContext, PersonName, PhoneNumber, ProviderAgentId};

/// Says who calls, and keeps that for the conversation's events. Whatever fails on our side, the call goes on: the agent then
/// greets somebody whom it does not know.
pub struct PersonalizeCall {
    ports: PersonalizeCallPorts,
    ttl: Duration,
}

/// What personalizing needs of the world.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, whose documentation says everything")]
pub struct PersonalizeCallPorts {
    pub webhook: Arc<dyn ProviderWebhook>,
    pub directory: Arc<dyn InboundDirectory>,
    pub contexts: Arc<dyn ContextCache>,
    pub clock: Arc<dyn Clock>,
}

/// A call that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundCall {
    /// The provider's conversation, where it is known already.
    pub conversation_id: Option<ConversationId>,
    /// The number that calls; nothing where it is withheld or no number.
    pub caller: Option<PhoneNumber>,
    /// The number that is called.
    pub called: Option<PhoneNumber>,
    /// The agent at the provider that answers.
    pub provider_agent_id: Option<ProviderAgentId>,
}

/// What the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personalization {
    /// The caller's name, where the contact has one.
    pub caller_name: Option<PersonName>,
    /// The number that calls.
    pub caller_number: PhoneNumber,
    /// The name of the organization that is called.
    pub organization_name: PersonName,
}

/// A caller hears silence for as long as the answer takes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

impl PersonalizeCall {
    /// The use case on these ports; what is known of a call is kept for `ttl`.
    #[must_use]
    pub const fn new(ports: PersonalizeCallPorts, ttl: Duration) -> Self {
        Self { ports, ttl }
    }

    /// Whether the provider asks: by the bearer secret alone, since it does not sign this request.
    pub fn verify(&self, bearer: Option<&str>) -> Result<(), Unverified> {
        let credentials = WebhookCredentials { signature: None, bearer };
        self.ports.webhook.verify(&credentials, &[], self.ports.clock.now())
    }

    /// What the agent is told of a caller; nothing where no contact is known to call, or nobody can say in time.
    pub async fn personalize(&self, call: &InboundCall) -> Option<Personalization> {
        let identified = pin!(self.identify(call));
        let overdue = pin!(self.ports.clock.sleep(ANSWERED_WITHIN));
        match select(identified, overdue).await {
            Either::Left((Ok(personalization), _)) => personalization,
            Either::Left((Err(error), _)) => {
                tracing::warn!(%error, "a caller was not looked up; the agent does not know who calls");
                None
            }
            Either::Right(_) => {
                tracing::warn!("a caller was not found in time; the agent does not know who calls");
                None
            }
        }
    }

    async fn identify(&self, call: &InboundCall) -> Result<Option<Personalization>, PortUnavailable> {
        let (Some(caller), Some(called)) = (&call.caller, &call.called) else { return Ok(None) };
        let query = InboundQuery {
            called: called.clone(),
            caller: caller.clone(),
            provider_agent_id: call.provider_agent_id.clone(),
        };
        let Some(parties) = self.ports.directory.identify(&query).await? else { return Ok(None) };
        if let Some(conversation_id) = &call.conversation_id
            && let Err(error) = self.keep(conversation_id, &query, &parties).await
        {
            tracing::warn!(%error, "the context of a call that came in was not kept");
        }
        let InboundParties { organization, contact, .. } = parties;
        Ok(contact.map(|contact| Personalization {
            caller_name: contact.spoken_name(),
            caller_number: query.caller,
            organization_name: organization.name,
        }))
    }

    /// A conversation of a call that we placed keeps its context, whatever is asked in its name.
    async fn keep(
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
