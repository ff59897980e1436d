use adapter_vapi::{VapiRecords, VapiSettings};

use super::{Finding, LIMIT, no_answer};
use crate::config::{Settings, Voice};
use crate::vendor_failure::{Explanation, of_vapi};

pub(super) const PROVIDER_KEY: &str = "provider-key";

/// Whether Vapi accepts the key, and why there is none to check with the simulator. The key of
/// ElevenLabs is checked when the workspace is read.
pub(super) async fn check(settings: &Settings) -> Option<Finding> {
    let Voice::Vapi { api_key, base_url } = &settings.voice else {
        let is_simulated = matches!(settings.voice, Voice::Simulator { .. });
        return is_simulated.then(|| Finding::unneeded(PROVIDER_KEY, "the simulator accepts every key"));
    };
    let account = VapiSettings { base_url: base_url.clone(), ..VapiSettings::new(api_key.clone()) };
    let checked = match VapiRecords::new(&account) {
        Ok(records) => tokio::time::timeout(LIMIT, async move { records.check_key().await }).await,
        Err(error) => {
            let remedy = "correct OUTDIAL_VAPI_API_KEY and OUTDIAL_VAPI_BASE_URL";
            return Some(Finding::failed(PROVIDER_KEY, error.to_string(), remedy));
        }
    };
    Some(match checked {
        Ok(Ok(())) => Finding::ok(PROVIDER_KEY, "Vapi accepts the key"),
        Ok(Err(failure)) => of_failure(PROVIDER_KEY, of_vapi(&failure)),
        Err(_) => Finding::failed(PROVIDER_KEY, no_answer(), REACH),
    })
}

const REACH: &str = "find out why this host does not reach the vendor, and look at the vendor's status page";

/// The failure of a vendor.
pub(super) fn of_failure(id: &'static str, Explanation { problem, remedy }: Explanation) -> Finding {
    Finding::failed(id, problem, if remedy.is_empty() { REACH } else { remedy })
}
