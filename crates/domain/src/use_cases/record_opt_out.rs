//! What a callee says in a call: that the organization must not call again.

use std::sync::Arc;

use async_trait::async_trait;

use crate::ports::{
    CallLookup, CallUpdater, Clock, ContextCache, Identifiers, KnownParties, KnownPartiesQuery,
    PortUnavailable, Suppressions,
};
use crate::{
    CallContext, CallId, CallIdentity, CallUpdate, CollectedValue, ContactId, ConversationContext,
    ConversationId, DestinationRules, InboundContext, OrganizationId, PhoneNumber, Recording, Suppression,
    SuppressionSource, UpdateContent,
};

/// Records the opt-outs of conversations. Recording one twice is recording it once.
pub struct RecordOptOut {
    ports: RecordOptOutPorts,
    destinations: DestinationRules,
    collected_id: Box<str>,
}

/// The ports that this needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct RecordOptOutPorts {
    pub suppressions: Arc<dyn Suppressions>,
    pub updater: Arc<dyn CallUpdater>,
    pub contexts: Arc<dyn ContextCache>,
    pub identifiers: Arc<dyn Identifiers>,
    pub clock: Arc<dyn Clock>,
}

/// What the agent can say of an opt-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOutResult {
    /// The number is suppressed.
    Suppressed,
    /// It is not known whom to suppress. A person must look at it.
    Unmatched,
}

/// Whom an opt-out is about.
struct Callee {
    organization_id: Option<OrganizationId>,
    phone_number: Option<PhoneNumber>,
    contact_id: Option<ContactId>,
}

impl RecordOptOut {
    /// The use case on these ports. `collected_id` is the provider's id of the collected value that is
    /// true if the callee opted out.
    #[must_use]
    pub fn new(ports: RecordOptOutPorts, destinations: DestinationRules, collected_id: &str) -> Self {
        Self { ports, destinations, collected_id: collected_id.into() }
    }

    /// Records what the agent reports while it speaks. `phone_number` counts only if the call of the
    /// conversation is not known. The number then counts for every organization, and without a
    /// number a person must look at it.
    ///
    /// `organization_id` is the organization whose own secret the agent shows: then only its calls are
    /// looked at, and the number counts for it alone.
    pub async fn by_agent(
        &self,
        organization_id: Option<OrganizationId>,
        conversation_id: Option<ConversationId>,
        phone_number: Option<&str>,
    ) -> Result<OptOutResult, PortUnavailable> {
        let callee = match &conversation_id {
            Some(conversation_id) => self.callee_of(conversation_id).await?,
            None => None,
        };
        let may_speak_of =
            |callee: &Callee| organization_id.is_none() || callee.organization_id == organization_id;
        let callee = callee.filter(may_speak_of);
        let written = || phone_number.and_then(|text| self.destinations.read_stored(text).ok());
        let callee = callee.unwrap_or_else(|| {
            let phone_number = written();
            // Without a number, the operator looks at those without an organization.
            let organization_id = organization_id.filter(|_| phone_number.is_some());
            Callee { organization_id, phone_number, contact_id: None }
        });
        self.suppress(callee, conversation_id, SuppressionSource::agent_tool()).await
    }

    /// Records the opt-out in a report about a call that we placed, if there is one.
    pub async fn by_update(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        if !self.has_opt_out(update) {
            return Ok(());
        }
        // Without a row there is nothing to merge the report into either.
        let Some(identity) = self.ports.updater.identity(call_id).await? else { return Ok(()) };
        self.suppress_by_report(identity.into(), update).await
    }

    /// Records the opt-out in a report about an inbound call, if there is one.
    pub async fn by_inbound(
        &self,
        context: InboundContext,
        update: &CallUpdate,
    ) -> Result<(), PortUnavailable> {
        if self.has_opt_out(update) { self.suppress_by_report(context.into(), update).await } else { Ok(()) }
    }

    /// Records the opt-out in a report whose call was not found, if there is one, for a person to
    /// look at.
    pub async fn by_unmatched(&self, update: &CallUpdate) -> Result<(), PortUnavailable> {
        let no_one = Callee { organization_id: None, phone_number: None, contact_id: None };
        if self.has_opt_out(update) { self.suppress_by_report(no_one, update).await } else { Ok(()) }
    }

    async fn suppress_by_report(&self, callee: Callee, update: &CallUpdate) -> Result<(), PortUnavailable> {
        let source = SuppressionSource::post_call();
        self.suppress(callee, update.conversation_id.clone(), source).await.map(|_| ())
    }

    async fn suppress(
        &self,
        callee: Callee,
        conversation_id: Option<ConversationId>,
        source: SuppressionSource,
    ) -> Result<OptOutResult, PortUnavailable> {
        let Callee { organization_id, phone_number, contact_id } = callee;
        let is_matched = phone_number.is_some() || contact_id.is_some();
        let suppression = Suppression {
            id: self.ports.identifiers.suppression_id(),
            organization_id,
            phone_number,
            contact_id,
            reason: None,
            source,
            conversation_id,
            created_at: self.ports.clock.now(),
            created_by: None,
            expires_at: None,
        };
        let stored = self.ports.suppressions.add_suppression(&suppression).await?;
        if is_matched {
            return Ok(OptOutResult::Suppressed);
        }
        tracing::error!(
            suppression.id = %stored.id,
            "a callee opted out, and neither a call nor a number is known; find the callee: `outdial suppressions`"
        );
        Ok(OptOutResult::Unmatched)
    }

    /// The callee of a call that we placed, or the caller of an inbound one.
    async fn callee_of(&self, conversation_id: &ConversationId) -> Result<Option<Callee>, PortUnavailable> {
        match self.ports.contexts.find(conversation_id).await {
            Ok(Some(ConversationContext::Outbound(CallContext { identity, .. }))) => {
                return Ok(Some(identity.into()));
            }
            Ok(Some(ConversationContext::Inbound(context))) => return Ok(Some(context.into())),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the context cache is unavailable; looking up the call of an opt-out in the ledger");
            }
        }
        let lookup = CallLookup { conversation_id: Some(conversation_id.clone()), ..CallLookup::default() };
        let Some(call_id) = self.ports.updater.locate(&lookup).await? else { return Ok(None) };
        Ok(self.ports.updater.identity(&call_id).await?.map(Callee::from))
    }

    fn has_opt_out(&self, update: &CallUpdate) -> bool {
        let UpdateContent::Conversation(conversation) = &update.content else { return false };
        let is_it = |value: &&CollectedValue| value.id.as_str() == &*self.collected_id;
        conversation.analysis.collected.iter().filter(is_it).any(is_true)
    }
}

/// Whether a collected value says yes. Agents collect truth values also as texts.
fn is_true(value: &CollectedValue) -> bool {
    let json = value.json.as_ref().map_or("", |json| json.as_str());
    let text = json.trim().trim_matches('"').trim();
    ["true", "yes"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
}

impl From<CallIdentity> for Callee {
    fn from(identity: CallIdentity) -> Self {
        Self {
            organization_id: Some(identity.organization_id),
            phone_number: Some(identity.to),
            contact_id: Some(identity.contact_id),
        }
    }
}

impl From<InboundContext> for Callee {
    fn from(context: InboundContext) -> Self {
        Self {
            organization_id: Some(context.organization_id),
            phone_number: Some(context.caller),
            contact_id: context.contact_id,
        }
    }
}

/// A [`CallUpdater`] that records the opt-out of a report before it merges the report: whichever use
/// case got it, and as often as it is merged.
pub struct OptOutsOfUpdates {
    updater: Arc<dyn CallUpdater>,
    opt_outs: Arc<RecordOptOut>,
}

impl OptOutsOfUpdates {
    /// Wraps a port.
    #[must_use]
    pub const fn new(updater: Arc<dyn CallUpdater>, opt_outs: Arc<RecordOptOut>) -> Self {
        Self { updater, opt_outs }
    }
}

#[async_trait]
impl CallUpdater for OptOutsOfUpdates {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        self.updater.locate(lookup).await
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        self.updater.identity(call_id).await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        self.updater.known_parties(query).await
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.opt_outs.by_update(call_id, update).await?;
        self.updater.merge(call_id, update).await
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        self.updater.attach_recording(call_id, recording).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateNote;

    #[test]
    fn a_collected_value_says_yes_as_a_truth_value_or_as_a_text() {
        let value = |json: Option<&str>| CollectedValue {
            id: PrivateNote::parse("opt_out").expect("a note"),
            json: json.map(|json| PrivateNote::parse(json).expect("a note")),
            rationale: None,
        };
        for json in ["true", r#""true""#, r#""Yes""#, r#"" TRUE ""#] {
            assert!(is_true(&value(Some(json))), "{json}");
        }
        for json in [None, Some("false"), Some("null"), Some(r#""no""#), Some("1"), Some(r#""true story""#)] {
            assert!(!is_true(&value(json)), "{json:?}");
        }
    }
}
