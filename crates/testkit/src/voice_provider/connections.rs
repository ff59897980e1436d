//! How a dial uses connections.

use std::time::Duration;

use domain::{DialOutcome, NotDialledReason};

use super::responder::{Ending, Responder, http};
use super::{BRIEF, PATIENT, request};
use crate::eventually;
use crate::harness::VoiceProviderHarness;
use crate::peer::FullQueue;

/// Statuses after which HTTP clients try again.
const TEMPORARY: [u16; 12] = [301, 307, 401, 408, 409, 425, 429, 500, 502, 503, 504, 529];

/// No response makes a dial be sent again: not one that asks for another try, and not the lack of
/// one.
pub async fn a_response_is_not_followed_by_another_try(harness: &impl VoiceProviderHarness) {
    let format = harness.format();
    let provider = Responder::start().await;
    let adapter = format.adapter(&provider.base_url(), "any").expect("the settings are valid");
    let statuses = TEMPORARY.into_iter().chain(format.refusing_statuses());
    for status in statuses.chain(format.accepting_statuses()) {
        let responses = [format.acceptance().1, format.refusal(status, "try again"), String::new()];
        for (body, ending) in responses.iter().flat_map(|body| Ending::ALL.map(|ending| (body, ending))) {
            provider.script(http(status, "application/json", body, ending), ending);
            is_one_request(&provider, &*adapter, &format!("{status}, {ending:?}, with {} bytes", body.len()))
                .await;
        }
    }
    for ending in [Ending::Closed, Ending::Reset] {
        for start in ["", "HTTP/1.1 ", "HTTP/1.1 503 Scripted\r\nretry-after: 0\r\n", "no HTTP\r\n\r\n"] {
            provider.script(start.as_bytes().to_vec(), ending);
            is_one_request(&provider, &*adapter, &format!("{start:?}, {ending:?}")).await;
        }
    }
}

async fn is_one_request(provider: &Responder, adapter: &dyn domain::ports::VoiceProvider, what: &str) {
    let before = provider.counts();
    // Other cases check the outcome.
    let _outcome = adapter.dial(&request(PATIENT)).await;
    let after = provider.counts();
    let sent = (after.0 - before.0, after.1 - before.1);
    assert_eq!(sent, (1, 1), "connections and requests of one dial, to which the provider responds: {what}");
}

/// Each dial has a new connection, which ends with it. A connection that was open before the dial
/// may be half closed, and then nothing shows whether the provider has received the request.
pub async fn a_dial_has_a_connection_of_its_own(harness: &impl VoiceProviderHarness) {
    const DIALS: usize = 4;
    let format = harness.format();
    let provider = Responder::start().await;
    let adapter = format.adapter(&provider.base_url(), "any").expect("the settings are valid");
    let (status, body) = format.acceptance();
    provider.script(http(status, "application/json", &body, Ending::KeptAlive), Ending::KeptAlive);
    for dials in 1..=DIALS {
        let outcome = adapter.dial(&request(BRIEF)).await;
        assert!(matches!(outcome, DialOutcome::Placed(_)), "dial {dials} over a new connection: {outcome:?}");
        assert_eq!(provider.counts().0, dials, "connections for so many dials");
    }
    eventually("the adapter closes the connection of each dial", async || provider.ended() == DIALS).await;
}

/// A connection that is not made within a few seconds shows that nothing was dialled, long before
/// the time of the dial is over.
pub async fn a_connection_that_is_not_made_is_not_dialled(harness: &impl VoiceProviderHarness) {
    /// The port allows 3 s. The rest is for a slow machine.
    const CONNECTS_WITHIN: Duration = Duration::from_secs(10);
    let provider = FullQueue::start().await;
    let adapter = harness.format().adapter(&provider.base_url(), "any").expect("the settings are valid");
    let request = request(6 * CONNECTS_WITHIN);
    let Ok(outcome) = tokio::time::timeout(CONNECTS_WITHIN, adapter.dial(&request)).await else {
        panic!("a dial waits for a connection for more than {CONNECTS_WITHIN:?}");
    };
    assert_eq!(outcome, DialOutcome::NotDialled(NotDialledReason::Unavailable));
}
