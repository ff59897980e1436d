//! Every response that the suite can make of one acceptance and one refusal.

use std::ops::RangeInclusive;

use domain::{DialOutcome, NotDialledReason, UnknownCause};

use super::responder::{Ending, Responder, http};
use super::{PATIENT, request};
use crate::harness::{DialFormat, VoiceProviderHarness};

/// Every status that a response can have. 1xx only announces one.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// With these statuses a provider may have dialled, whatever the body says.
fn is_never_a_refusal(status: u16) -> bool {
    !(400..500).contains(&status) && !(200..300).contains(&status) || matches!(status, 408 | 409)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Acceptance,
    Refusal,
    /// The vendor's text, in an array.
    AcceptanceInAnArray,
    RefusalInAnArray,
    /// The vendor's text, without its second half. The HTTP response is complete.
    HalfAnAcceptance,
    HalfARefusal,
    /// What a proxy sends, or another API.
    Empty,
    Html,
    EmptyObject,
    ForeignObject,
    Null,
    Text,
}

impl Body {
    const ALL: [Self; 12] = [
        Self::Acceptance,
        Self::Refusal,
        Self::AcceptanceInAnArray,
        Self::RefusalInAnArray,
        Self::HalfAnAcceptance,
        Self::HalfARefusal,
        Self::Empty,
        Self::Html,
        Self::EmptyObject,
        Self::ForeignObject,
        Self::Null,
        Self::Text,
    ];

    fn http(self, format: &dyn DialFormat, status: u16, ending: Ending) -> Vec<u8> {
        let (accepted, refused) = (format.acceptance().1, format.refusal(status, "not allowed"));
        let half = |text: &str| text[..text.floor_char_boundary(text.len() / 2)].to_owned();
        let body = match self {
            Self::Acceptance => accepted,
            Self::Refusal => refused,
            Self::AcceptanceInAnArray => format!("[{accepted}]"),
            Self::RefusalInAnArray => format!("[{refused}]"),
            Self::HalfAnAcceptance => half(&accepted),
            Self::HalfARefusal => half(&refused),
            Self::Empty => String::new(),
            Self::Html => "<html><h1>Scripted</h1></html>".to_owned(),
            Self::EmptyObject => "{}".to_owned(),
            Self::ForeignObject => r#"{"suite":{"foreign":true},"items":[1]}"#.to_owned(),
            Self::Null => "null".to_owned(),
            Self::Text => "\"ok\"".to_owned(),
        };
        let content_type = if self == Self::Html { "text/html" } else { "application/json" };
        http(status, content_type, &body, ending)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Placed,
    NotDialled,
    Unknown,
}

fn meaning(format: &dyn DialFormat, status: u16, body: Body) -> Meaning {
    match body {
        Body::Acceptance if format.accepting_statuses().contains(&status) => Meaning::Placed,
        Body::Refusal if format.refusing_statuses().contains(&status) => Meaning::NotDialled,
        _ => Meaning::Unknown,
    }
}

/// A dial is placed only if the provider says so in its own format, with its own status of success.
/// At any other status, and with any other body, it is unknown.
pub async fn only_an_acceptance_is_placed(harness: &impl VoiceProviderHarness) {
    let format = harness.format();
    let accepting = format.accepting_statuses();
    assert!(
        accepting.iter().all(|status| (200..300).contains(status)),
        "an acceptance has a status of success"
    );
    let mut cells = Vec::new();
    for status in STATUSES {
        cells.push((status, Body::Acceptance, Ending::Closed));
        if (200..300).contains(&status) {
            let others = Body::ALL.into_iter().filter(|body| *body != Body::Refusal);
            cells.extend(others.map(|body| (status, body, Ending::Closed)));
        }
    }
    for status in accepting {
        let endings = Ending::ALL.into_iter();
        cells.extend(endings.flat_map(|ending| Body::ALL.map(|body| (status, body, ending))));
    }
    outcomes_are_as_meant(&*format, cells).await;
    let (status, body) = format.acceptance();
    no_part_has_a_meaning(&*format, status, &body).await;
}

/// A dial is *not dialled* only if the provider refuses in its own format, with a status of its
/// refusals. By the status alone it is unknown, and by 408, 409 and 5xx it is, whatever the body.
pub async fn only_a_refusal_is_not_dialled(harness: &impl VoiceProviderHarness) {
    let format = harness.format();
    let refusing = format.refusing_statuses();
    assert!(!refusing.is_empty(), "a provider refuses with at least one status");
    for status in &refusing {
        no_part_has_a_meaning(&*format, *status, &format.refusal(*status, "not allowed")).await;
        assert!(!is_never_a_refusal(*status), "a provider that responds with {status} may have dialled");
    }
    let mut cells = Vec::new();
    for status in STATUSES {
        let bodies = [Body::Refusal, Body::Empty, Body::Html, Body::EmptyObject];
        cells.extend(bodies.map(|body| (status, body, Ending::Closed)));
    }
    for status in refusing.into_iter().chain([408, 409, 500, 502, 503, 504]) {
        let endings = Ending::ALL.into_iter();
        cells.extend(endings.flat_map(|ending| Body::ALL.map(|body| (status, body, ending))));
    }
    outcomes_are_as_meant(&*format, cells).await;
}

async fn outcomes_are_as_meant(format: &dyn DialFormat, cells: Vec<(u16, Body, Ending)>) {
    let provider = Responder::start().await;
    let adapter = format.adapter(&provider.base_url(), "any").expect("the settings are valid");
    for (status, body, ending) in cells {
        provider.script(body.http(format, status, ending), ending);
        let outcome = adapter.dial(&request(PATIENT)).await;
        let found = match outcome {
            DialOutcome::Placed(_) => Meaning::Placed,
            DialOutcome::NotDialled(
                NotDialledReason::Rejected(_) | NotDialledReason::RejectedForNow { .. },
            ) => Meaning::NotDialled,
            DialOutcome::Unknown(UnknownCause::UnclearAnswer) => Meaning::Unknown,
            // The reset can arrive before the response was read.
            DialOutcome::Unknown(UnknownCause::ConnectionLost) if ending == Ending::Reset => continue,
            other => panic!("{status} with {body:?}, {ending:?}, gives {other:?}"),
        };
        assert_eq!(found, meaning(format, status, body), "{status} with {body:?}, {ending:?}");
    }
}

/// The connection breaks within a response: an outcome is unknown, however much of it has arrived.
async fn no_part_has_a_meaning(format: &dyn DialFormat, status: u16, body: &str) {
    let provider = Responder::start().await;
    let adapter = format.adapter(&provider.base_url(), "any").expect("the settings are valid");
    for ending in [Ending::Closed, Ending::Reset] {
        let whole = http(status, "application/json", body, ending);
        for missing in [1, body.len() / 2, body.len(), body.len() + 2] {
            provider.script(whole[..whole.len() - missing].to_vec(), ending);
            let outcome = adapter.dial(&request(PATIENT)).await;
            let is_unknown = matches!(outcome, DialOutcome::Unknown(_));
            assert!(is_unknown, "{status} without its last {missing} bytes, {ending:?}, gives {outcome:?}");
        }
    }
}
