use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{AnswerTime, Carrier, DialOutcome};
use provider_client::{InvalidSettings, ProviderClient};
use url::Url;

use crate::config::ParrotSettings;
use crate::outcome;
use crate::wire::DialBody;

/// A number of any other carrier cannot place calls through Parrot.
const CARRIERS: &[Carrier] = &[Carrier::named("parrot"), Carrier::named("telnyx")];

/// Dials through Parrot.
#[derive(Debug, Clone)]
pub struct Parrot {
    http: ProviderClient,
    calls: Url,
}

impl Parrot {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &ParrotSettings) -> Result<Self, InvalidSettings> {
        let http = settings.client()?;
        let calls = http.endpoint(["v2", "calls"]);
        Ok(Self { http, calls })
    }
}

#[async_trait]
impl VoiceProvider for Parrot {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[Carrier] {
        CARRIERS
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        self.http.dial(&self.calls, request, &DialBody::from(request), outcome::classify).await
    }
}
