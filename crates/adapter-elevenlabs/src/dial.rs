use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{AnswerTime, Carrier, DialOutcome};
use provider_client::{InvalidSettings, ProviderClient};

use crate::config::ElevenLabsSettings;
use crate::outcome;
use crate::wire::{OUTBOUND_CALL, OutboundCall};

/// Calls go over Sinch's SIP trunk, by the contract of the route that places them.
const CARRIERS: &[Carrier] = &[Carrier::named("sinch")];

/// Places calls with ElevenLabs over a SIP trunk. ElevenLabs responds to a dial when the callee has
/// picked up, or when the call has failed.
#[derive(Debug, Clone)]
pub struct ElevenLabs {
    client: ProviderClient,
}

impl ElevenLabs {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &ElevenLabsSettings) -> Result<Self, InvalidSettings> {
        Ok(Self { client: settings.client()? })
    }
}

#[async_trait]
impl VoiceProvider for ElevenLabs {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[Carrier] {
        CARRIERS
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let url = self.client.endpoint(OUTBOUND_CALL);
        self.client.dial(&url, request, &OutboundCall::from(request), outcome::classify).await
    }
}
