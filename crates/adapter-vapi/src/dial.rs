use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{AnswerTime, Carrier, DialOutcome};
use provider_client::{InvalidSettings, ProviderClient};

use crate::config::VapiSettings;
use crate::outcome;
use crate::wire::{CALL, CreateCall};

/// Where Vapi's numbers can be from (`provider` of its `GET /phone-number`). A number of the
/// operator's own SIP trunk (`byo-phone-number`) can have any carrier: it is `byo`. Earlier releases
/// placed calls only from numbers with `sinch`, so directories for Vapi have that name.
const CARRIERS: &[Carrier] = &[
    Carrier::named("twilio"),
    Carrier::named("vonage"),
    Carrier::named("telnyx"),
    Carrier::named("vapi"),
    Carrier::named("byo"),
    Carrier::named("sinch"),
];

/// Places calls with Vapi. Vapi responds to a dial when it has queued the call; the call's record
/// and webhooks report whether the callee picked up.
#[derive(Debug, Clone)]
pub struct Vapi {
    client: ProviderClient,
}

impl Vapi {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &VapiSettings) -> Result<Self, InvalidSettings> {
        Ok(Self { client: settings.client()? })
    }
}

#[async_trait]
impl VoiceProvider for Vapi {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::BeforeRinging
    }

    fn carriers(&self) -> &[Carrier] {
        CARRIERS
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let url = self.client.endpoint([CALL]);
        self.client.dial(&url, request, &CreateCall::from(request), outcome::classify).await
    }
}
