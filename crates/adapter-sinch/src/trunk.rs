use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{TrunkDirectory, TrunkListing, VendorFailure};
use domain::{Carrier, TrunkId};
use provider_client::{ApiKey, InvalidSettings, ProviderClient, Response};
use url::Url;

use crate::config::SinchSettings;
use crate::token::Tokens;
use crate::wire;

/// The trunk of the settings.
#[derive(Debug)]
pub struct SinchTrunk {
    client: ProviderClient,
    tokens: Tokens,
    project_id: String,
    trunk_id: TrunkId,
}

/// The time limit for reading the trunk and all its numbers.
const READ_WITHIN: Duration = Duration::from_secs(40);
const PAGE_LEN: usize = 100;
/// More pages than any account has: the list of a faulty carrier ends.
const MAX_PAGES: usize = 1000;

impl SinchTrunk {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &SinchSettings) -> Result<Self, InvalidSettings> {
        Ok(Self {
            client: ProviderClient::new(&settings.trunk_url, ApiKey::Absent, settings.connect_timeout)?,
            tokens: Tokens::new(settings)?,
            project_id: settings.project_id.clone(),
            trunk_id: settings.trunk_id.clone(),
        })
    }

    fn url<const N: usize>(&self, below_project: [&str; N]) -> Url {
        self.client.endpoint(["v1", "projects", &self.project_id].into_iter().chain(below_project))
    }

    /// Reads with the current token, and once more with a new one if the carrier refuses it: tokens
    /// can end before their time.
    async fn read(&self, url: &Url, deadline: Instant) -> Result<Vec<u8>, VendorFailure> {
        let token = self.tokens.get(None).await?;
        let mut response = self.send(url, &token, deadline).await?;
        if response.status == 401 {
            let token = self.tokens.get(Some(&token)).await?;
            response = self.send(url, &token, deadline).await?;
        }
        if response.status == 200 { Ok(response.body) } else { Err(wire::refusal(response.status)) }
    }

    async fn send(
        &self,
        url: &Url,
        token: &secrecy::SecretString,
        deadline: Instant,
    ) -> Result<Response, VendorFailure> {
        let client = self.client.with_key(ApiKey::Bearer(token));
        let client = client.map_err(|_| wire::unavailable("the token cannot be sent"))?;
        let read = client.read(url, deadline).await;
        read.map_err(|failure| wire::unavailable(failure.to_string()))
    }

    async fn numbers(&self, deadline: Instant) -> Result<BTreeSet<domain::PhoneNumber>, VendorFailure> {
        let mut seen = HashSet::new();
        let mut numbers = BTreeSet::new();
        for page in 1..=MAX_PAGES {
            let mut url = self.url(["phoneNumbers"]);
            url.query_pairs_mut()
                .append_pair("sipTrunkId", self.trunk_id.as_str())
                .append_pair("page", &page.to_string())
                .append_pair("size", &PAGE_LEN.to_string());
            let body = self.read(&url, deadline).await?;
            let listed = wire::numbers(&body)
                .ok_or_else(|| wire::unavailable("the response is not a list of phone numbers"))?;
            let is_empty = listed.numbers.is_empty();
            for number in listed.numbers {
                if number.trunk_id == self.trunk_id.as_str() {
                    numbers.extend(number.phone_number());
                }
                if !seen.insert(number.text) {
                    return Err(wire::unavailable("the pages of phone numbers repeat"));
                }
            }
            if seen.len() >= listed.total {
                return Ok(numbers);
            }
            if is_empty {
                return Err(wire::unavailable("the list of phone numbers ends before its total"));
            }
        }
        Err(wire::unavailable("the list of phone numbers does not end"))
    }
}

#[async_trait]
impl TrunkDirectory for SinchTrunk {
    fn carrier(&self) -> Carrier {
        Carrier::named("sinch")
    }

    async fn read(&self) -> Result<TrunkListing, VendorFailure> {
        let deadline = Instant::now() + READ_WITHIN;
        let url = self.url(["trunks", self.trunk_id.as_str()]);
        let body = Self::read(self, &url, deadline).await?;
        let trunk = wire::trunk(&body, &self.trunk_id)
            .ok_or_else(|| wire::unavailable("the response is not the trunk"))?;
        let numbers = self.numbers(deadline).await?;
        tracing::debug!(numbers = numbers.len(), "read the trunk");
        Ok(TrunkListing { trunk, numbers })
    }
}
