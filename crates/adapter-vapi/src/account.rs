use std::time::{Duration, Instant};

use domain::ports::VendorFailure;

use crate::VapiRecords;
use crate::records::unavailable;
use crate::wire::CALL;

const CHECK_WITHIN: Duration = Duration::from_secs(10);

impl VapiRecords {
    /// Checks that the provider accepts the key, by listing one call, as the gateway does when it asks
    /// for the record of a call. It changes nothing at the provider.
    ///
    /// # Errors
    ///
    /// The provider does not accept the key, or does not respond as expected.
    pub async fn check_key(&self) -> Result<(), VendorFailure> {
        let mut url = self.client.endpoint([CALL]);
        url.query_pairs_mut().append_pair("limit", "1");
        let response = self.client.read(&url, Instant::now() + CHECK_WITHIN).await;
        let response = response.map_err(|failure| unavailable(failure.to_string()))?;
        match response.status {
            200 if response.body.trim_ascii().starts_with(b"[") => Ok(()),
            200 => Err(unavailable("the response is not a list of calls").into()),
            401 => Err(VendorFailure::KeyRefused),
            403 => Err(VendorFailure::NotAllowed),
            429 => Err(VendorFailure::RateLimited),
            status => Err(unavailable(format!("the response has status {status}")).into()),
        }
    }
}
