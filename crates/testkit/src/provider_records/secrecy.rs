use domain::ports::ProviderLookup;

use crate::harness::{ProviderRecordsHarness, RecordsUpstream, VendorState};
use crate::scripted_records::ScriptedRecords;
use crate::secrets::{Search, api_key, word};

/// Whatever the provider responds, and if it quotes the API key: no error and no line of the log has
/// it. The same holds for the error of an adapter that refuses its settings.
pub async fn an_error_and_the_log_show_no_key(harness: &impl ProviderRecordsHarness) {
    let (key, quoted) = (api_key(), word());
    let search = Search::start(&key, &[&quoted]);
    let format = harness.format();
    let vendor = ScriptedRecords::of(harness.format()).await;
    let known = vendor.add(VendorState::Completed);
    let lost = ProviderLookup { conversation_id: None, ..known.clone() };
    let found = vendor.adapter(&key).find(&known).await.expect("the provider responds");
    assert!(found.is_some(), "the provider has a record");
    let text = format!("{key} {quoted}");
    for status in [200, 400, 401, 403, 404, 429, 500] {
        for body in [format.refusal(status, &text), format.refusal(status, &key), text.clone()] {
            vendor.respond_with(status, &body);
            for lookup in [&known, &lost] {
                if let Err(error) = vendor.adapter(&key).find(lookup).await {
                    search.error(&format!("the error of a response with {status}"), &error);
                }
            }
        }
    }
    vendor.upstream(RecordsUpstream::RefusesConnection).await;
    let error = vendor.adapter(&key).find(&known).await.expect_err("no server listens");
    search.error("the error without a connection", &error);
    for end in ["\n", "\0", " ", "é"] {
        if let Err(error) = format.adapter("http://127.0.0.1:1", &format!("{key}{end}")) {
            search.error("the error of an unusable key", &*error);
        }
    }
    search.log();
}
