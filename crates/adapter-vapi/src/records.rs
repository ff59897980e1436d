//! Asks the provider for the record of a call.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords};
use domain::{CallUpdate, ConversationId};
use provider_client::{InvalidSettings, ProviderClient, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::config::VapiSettings;
use crate::record::{Owner, Record};
use crate::wire::{self, CALL};

/// Reads what Vapi has recorded of its calls. It changes nothing at the provider.
#[derive(Debug, Clone)]
pub struct VapiRecords {
    pub(crate) client: ProviderClient,
}

/// The time limit of one lookup, all its requests together.
const FIND_WITHIN: Duration = Duration::from_secs(10);
/// How far the provider's clock may differ from ours. A dial is sent within seconds of its booking,
/// so the provider's creation time is this close to the booking.
const CLOCK_MARGIN_SECS: i64 = 15 * 60;
/// Calls in one list response: the provider's default.
const PAGE_LEN: usize = 100;
/// List requests for one lookup.
const MAX_PAGES: usize = 32;

impl VapiRecords {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &VapiSettings) -> Result<Self, InvalidSettings> {
        Ok(Self { client: settings.client()? })
    }

    /// The record with the provider's own id; `None` if the provider responds that it has none.
    async fn record(
        &self,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<CallUpdate>, PortUnavailable> {
        let url = self.client.endpoint([CALL, id.as_str()]);
        let Response { status, body, .. } = self.read(&url, deadline).await?;
        match status {
            200 => {
                let record = Record::parse(&body).filter(|record| record.id().as_ref() == Some(id));
                let update = record.and_then(|record| record.update());
                update.map(Some).ok_or_else(|| unavailable("the response is not the requested record"))
            }
            // With a wrong base URL the response may be the same. The search, which is next, then
            // fails.
            404 if wire::refusal_code(404, &body).is_some() => Ok(None),
            status => Err(unexpected(status)),
        }
    }

    /// The record with our call id. The provider cannot search by it, so this reads all calls of
    /// the assistant that were created around the time of the booking.
    async fn search(
        &self,
        lookup: &ProviderLookup,
        deadline: Instant,
    ) -> Result<Option<CallUpdate>, PortUnavailable> {
        let booked_at = lookup.booked_at.unix_millis().max(0) / 1000;
        let mut windows =
            vec![Window { after: booked_at - CLOCK_MARGIN_SECS, before: booked_at + CLOCK_MARGIN_SECS }];
        let mut pages = 0;
        while let Some(window) = windows.pop() {
            pages += 1;
            if pages > MAX_PAGES {
                return Err(unavailable("too many calls were created around the time of the booking"));
            }
            let Response { status, body, .. } = self.read(&self.list_url(lookup, window)?, deadline).await?;
            let records = Record::parse_list(&body).filter(|_| status == 200);
            let records = records.ok_or_else(|| unexpected(status))?;
            if let Some(record) = requested(lookup, &records)? {
                let update = record.update().filter(|update| update.conversation_id.is_some());
                return update.map(Some).ok_or_else(|| unavailable("the listed call has no id or no status"));
            }
            if !records.iter().all(|record| record.id().is_some()) {
                return Err(unavailable("a listed call has no id"));
            }
            // A full list may be incomplete, and the provider does not document its order.
            if records.len() >= PAGE_LEN {
                windows.extend(window.halved(booked_at)?);
            }
        }
        Ok(None)
    }

    fn list_url(&self, lookup: &ProviderLookup, window: Window) -> Result<Url, PortUnavailable> {
        let mut url = self.client.endpoint([CALL]);
        let mut query = url.query_pairs_mut();
        if let Some(assistant_id) = &lookup.provider_agent_id {
            query.append_pair("assistantId", assistant_id.as_str());
        }
        query
            .append_pair("createdAtGt", &iso(window.after)?)
            .append_pair("createdAtLt", &iso(window.before)?)
            .append_pair("limit", &PAGE_LEN.to_string());
        drop(query);
        Ok(url)
    }

    async fn read(&self, url: &Url, deadline: Instant) -> Result<Response, PortUnavailable> {
        self.client.read(url, deadline).await.map_err(|failure| unavailable(failure.to_string()))
    }
}

#[async_trait]
impl ProviderRecords for VapiRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let deadline = Instant::now() + FIND_WITHIN;
        if let Some(id) = &lookup.conversation_id
            && let Some(update) = self.record(id, deadline).await?
        {
            return Ok(Some(update));
        }
        self.search(lookup, deadline).await
    }
}

/// A range of creation times, in whole Unix seconds, both ends excluded.
#[derive(Clone, Copy)]
struct Window {
    after: i64,
    before: i64,
}

impl Window {
    /// Both halves; the one with the booking is last, so it is read first. They overlap by one
    /// second, because both ends are excluded.
    fn halved(self, booked_at: i64) -> Result<[Self; 2], PortUnavailable> {
        if self.before - self.after <= 2 {
            return Err(unavailable("one second has more calls than one list can return"));
        }
        let middle = self.after + (self.before - self.after) / 2;
        let early = Self { before: middle + 1, ..self };
        let late = Self { after: middle, ..self };
        Ok(if booked_at <= middle { [late, early] } else { [early, late] })
    }
}

/// The record of the requested call. Two such records, or one that also has another call's id, are
/// an error: choosing one of them could report on the wrong call.
fn requested<'a, 'b>(
    lookup: &ProviderLookup,
    records: &'b [Record<'a>],
) -> Result<Option<&'b Record<'a>>, PortUnavailable> {
    let mut found = None;
    for record in records {
        match record.owner(&lookup.call_id) {
            Owner::Other => {}
            Owner::Requested if found.is_none() => found = Some(record),
            Owner::Requested => return Err(unavailable("two listed calls have our call id")),
            Owner::Contradictory => {
                return Err(unavailable("a listed call has our call id and another one"));
            }
        }
    }
    Ok(found)
}

fn iso(unix_secs: i64) -> Result<String, PortUnavailable> {
    let time = OffsetDateTime::from_unix_timestamp(unix_secs).ok();
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.ok_or_else(|| unavailable("the time of the booking has no RFC 3339 form"))
}

fn unexpected(status: u16) -> PortUnavailable {
    unavailable(format!("the response has status {status} and is not a record"))
}

pub(crate) fn unavailable(reason: impl Into<std::borrow::Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new("vapi", reason)
}
