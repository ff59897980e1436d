//! The dial of these tests.

use std::time::{Duration, Instant};

use adapter_elevenlabs::{ElevenLabs, ElevenLabsSettings};
use domain::ports::{DialRequest, VoiceProvider};
use domain::{
    CallId, CallReason, DialOutcome, OrganizationId, PersonName, PhoneNumber, ProviderAgentId,
    ProviderNumberId,
};
use url::Url;

pub(crate) const API_KEY: &str = "sk_0123456789abcdef";

pub(crate) fn request(answer_within: Duration) -> DialRequest {
    DialRequest {
        call_id: CallId::mint(0x6650_0000, [7; 8]),
        organization_id: OrganizationId::parse("o1").expect("an id"),
        provider_agent_id: ProviderAgentId::parse("agent_1").expect("an id"),
        provider_number_id: ProviderNumberId::parse("phnum_1").expect("an id"),
        to: PhoneNumber::parse("+14165550100").expect("a number"),
        callee_name: Some(PersonName::parse("Ada Lovelace").expect("a name")),
        organization_name: PersonName::parse("Engines Ltd").expect("a name"),
        variables: domain::DynamicVariables::default(),
        reason: Some(CallReason::parse("Your \"quote\"\nis ready").expect("a reason")),
        ringing_timeout: Duration::from_millis(59_001),
        answer_within,
    }
}

pub(crate) fn settings(base_url: &str) -> ElevenLabsSettings {
    let settings = ElevenLabsSettings::new(API_KEY.into());
    ElevenLabsSettings { base_url: Url::parse(base_url).expect("a URL"), ..settings }
}

/// Dials, and checks that the dial keeps its time limit.
pub(crate) async fn dial(base_url: &str, answer_within: Duration) -> DialOutcome {
    let provider = ElevenLabs::new(&settings(base_url)).expect("valid settings");
    let started = Instant::now();
    let outcome = provider.dial(&request(answer_within)).await;
    let took = started.elapsed();
    assert!(took < answer_within + Duration::from_secs(1), "a dial of {answer_within:?} took {took:?}");
    outcome
}
