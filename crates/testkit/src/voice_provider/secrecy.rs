//! The API key and the callee's number are shown nowhere.

use domain::ports::{DialRequest, VoiceProvider};
use domain::{CallReason, DynamicVariables, VariableValue};

use super::responder::{Ending, Responder, http};
use super::{PATIENT, request};
use crate::fixtures::name;
use crate::harness::VoiceProviderHarness;
use crate::secrets::{Search, api_key, word};

/// Whatever the provider responds, and if it quotes them: no outcome and no line of the log has the
/// API key, the number, the name, the reason or the client's variables.
pub async fn an_outcome_and_the_log_show_no_key_and_no_number(harness: &impl VoiceProviderHarness) {
    let (key, request) = (api_key(), secret_request());
    let search = search(&key, &request);
    let format = harness.format();
    let provider = Responder::start().await;
    let adapter = format.adapter(&provider.base_url(), &key).expect("the settings are valid");
    let number = request.to.as_e164();
    let texts = [key.clone(), number.to_owned(), format!("{number} {key} is not valid")];
    let (accepting, accepted) = format.acceptance();
    let mut responses = vec![(accepting, accepted), (200, String::new())];
    for status in format.refusing_statuses().into_iter().chain([200, 400, 408, 409, 429, 500, 503]) {
        responses.extend(texts.iter().map(|text| (status, format.refusal(status, text))));
        responses.extend(texts.iter().map(|text| (status, text.clone())));
    }
    for (status, body) in responses {
        provider.script(http(status, "application/json", &body, Ending::Closed), Ending::Closed);
        let outcome = adapter.dial(&request).await;
        search.shown(&format!("the outcome of a response with {status}"), &format!("{outcome:?}"));
    }
    for start in ["", number, &format!("{key} {number}\r\n\r\n")] {
        provider.script(start.as_bytes().to_vec(), Ending::Closed);
        let outcome = adapter.dial(&request).await;
        search.shown("the outcome of a broken response", &format!("{outcome:?}"));
    }
    let nowhere = format.adapter("http://127.0.0.1:1", &key).expect("the settings are valid");
    search.shown("an outcome without a connection", &format!("{:?}", nowhere.dial(&request).await));
    search.log();
}

/// An adapter may refuse its settings at start. Its error shows neither the key nor what else it was
/// given. An adapter that does not refuse them shows them nowhere later.
pub async fn an_error_at_start_shows_no_key(harness: &impl VoiceProviderHarness) {
    let (key, request) = (api_key(), secret_request());
    let search = search(&key, &request);
    let provider = Responder::start().await;
    let format = harness.format();
    let base_url = provider.base_url();
    let (status, body) = format.acceptance();
    provider.script(http(status, "application/json", &body, Ending::Closed), Ending::Closed);
    let authority = base_url.trim_start_matches("http://");
    let keys = ["\n", "\r\nx-other: 1", "\0", " ", "é", "\u{200b}"].map(|end| format!("{key}{end}{key}"));
    let urls = [
        format!("http://user:{key}@{authority}/"),
        format!("{base_url}/?key={key}"),
        format!("{base_url}/#{key}"),
        format!("ftp://{authority}/{key}"),
    ];
    let settings = keys.iter().map(|key| (&base_url, key)).chain(urls.iter().map(|url| (url, &key)));
    for (index, (base_url, key)) in settings.enumerate() {
        match format.adapter(base_url, key) {
            Err(error) => search.error(&format!("the error of unusable settings {index}"), &*error),
            Ok(adapter) => shows_nothing(&search, &*adapter, &request).await,
        }
    }
    search.log();
}

async fn shows_nothing(search: &Search, adapter: &dyn VoiceProvider, request: &DialRequest) {
    let outcome = adapter.dial(request).await;
    search.shown("an outcome with unusable settings", &format!("{outcome:?}"));
}

/// A dial with a name, a reason and a variable that no other test has: the log is that of all tests.
fn secret_request() -> DialRequest {
    let reason = CallReason::parse(&word()).expect("letters only");
    let variables = DynamicVariables::stored([(word(), VariableValue::Text(word().into()))]);
    DialRequest { callee_name: Some(name(&word())), reason: Some(reason), variables, ..request(PATIENT) }
}

fn search(key: &str, request: &DialRequest) -> Search {
    let name = request.callee_name.as_ref().map_or("", |name| name.as_str());
    let reason = request.reason.as_ref().map_or("", |reason| reason.as_str());
    let number = request.to.as_e164();
    let variables = request.variables.iter().flat_map(|(name, value)| match value {
        VariableValue::Text(text) => [name, &**text],
        _ => [name, name],
    });
    // A number is also written without its country code.
    let searched: Vec<&str> = [number, &number[2..], name, reason].into_iter().chain(variables).collect();
    Search::start(key, &searched)
}
