use std::borrow::Cow;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords};
use domain::{CallUpdate, ConversationId};
use provider_client::{InvalidSettings, ProviderClient, RequestFailure};
use serde_json::Value;
use url::Url;

use crate::config::ParrotSettings;
use crate::record::Record;

/// Reads what Parrot has recorded of its calls. It changes nothing at the vendor.
#[derive(Debug, Clone)]
pub struct ParrotRecords {
    http: ProviderClient,
}

/// The time limit of one lookup, all its requests together.
const FIND_WITHIN: Duration = Duration::from_secs(10);
/// The most calls in one list.
const PAGE_LEN: usize = 50;

impl ParrotRecords {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &ParrotSettings) -> Result<Self, InvalidSettings> {
        Ok(Self { http: settings.client()? })
    }

    async fn read(&self, url: &Url, deadline: Instant) -> Result<(u16, Value), PortUnavailable> {
        // The failure quotes neither the request nor the response.
        let failed = |failure: RequestFailure| unclear(failure.to_string());
        let response = self.http.read(url, deadline).await.map_err(failed)?;
        let json = serde_json::from_slice(&response.body).map_err(|_| unclear("no JSON"))?;
        Ok((response.status, json))
    }

    async fn by_conversation(
        &self,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<CallUpdate>, PortUnavailable> {
        let url = self.http.endpoint(["v2", "calls", id.as_str()]);
        let (status, json) = self.read(&url, deadline).await?;
        match Record::parse(&json).filter(|record| record.call == *id) {
            Some(record) if status == 200 => Ok(Some(record.update())),
            // Below a wrong base URL every path is a 404, without this code.
            None if status == 404 && json["error"]["code"] == "no_such_call" => Ok(None),
            _ => Err(unclear("not the requested record")),
        }
    }

    async fn by_our_id(
        &self,
        lookup: &ProviderLookup,
        deadline: Instant,
    ) -> Result<Option<CallUpdate>, PortUnavailable> {
        let mut url = self.http.endpoint(["v2", "calls"]);
        url.query_pairs_mut()
            .append_pair("reference", lookup.call_id.as_str())
            .append_pair("limit", &PAGE_LEN.to_string());
        let (status, json) = self.read(&url, deadline).await?;
        let items = json["calls"].as_array().filter(|_| status == 200);
        // One item that is not a record makes the list unclear.
        let records: Option<Vec<Record>> = items.and_then(|items| items.iter().map(Record::parse).collect());
        let records = records.ok_or_else(|| unclear("not a list of records"))?;
        // Compared here as well: a parameter that Parrot renames would be ignored.
        let is_ours = |record: &&Record| record.reference.as_deref() == Some(lookup.call_id.as_str());
        let mut ours = records.iter().filter(is_ours);
        match (ours.next(), ours.next()) {
            (None, _) if records.len() >= PAGE_LEN => Err(unclear("the list may be incomplete")),
            (None, _) => Ok(None),
            (Some(ours), None) => Ok(Some(ours.update())),
            (Some(_), Some(_)) => Err(unclear("two calls have our id")),
        }
    }
}

#[async_trait]
impl ProviderRecords for ParrotRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let deadline = Instant::now() + FIND_WITHIN;
        if let Some(id) = &lookup.conversation_id
            && let Some(update) = self.by_conversation(id, deadline).await?
        {
            return Ok(Some(update));
        }
        self.by_our_id(lookup, deadline).await
    }
}

fn unclear(reason: impl Into<Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new("parrot", reason)
}
