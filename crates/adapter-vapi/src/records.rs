//! Asking the provider what became of a call.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords};
use domain::{CallUpdate, ConversationId};
use reqwest::{Client, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::client::http_client;
use crate::config::{InvalidSettings, VapiSettings};
use crate::record::{Owner, Record};
use crate::wire::{self, CALL};

/// What Vapi has recorded of its calls. It reads, and does nothing else.
///
/// A clone is cheap; a request lives on the tokio runtime on which it is made.
#[derive(Clone)]
pub struct VapiRecords {
    http: Client,
    calls: Url,
}

/// All requests of one question together, with what is sent again.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;
/// How far from its booking a call may have been made, by the provider's clock: a dial is sent within seconds, so that this
/// is how wrong the clocks may be. In seconds.
const MARGIN_SECS: i64 = 15 * 60;
/// Calls of one answer: what the provider gives unless more are asked for.
const PAGE: usize = 100;
/// Answers that are looked through for one call.
const MOST_PAGES: usize = 32;

impl VapiRecords {
    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// A setting is out of its bounds, or the base is `https` and the machine has no CA certificates.
    pub fn new(settings: &VapiSettings) -> Result<Self, InvalidSettings> {
        let calls = settings.endpoint(CALL)?;
        Ok(Self { http: http_client(settings)?, calls })
    }

    /// What is recorded under the provider's own id; nothing if the provider says that it has no such call.
    async fn recorded(
        &self,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<CallUpdate>, PortUnavailable> {
        let mut url = self.calls.clone();
        url.path_segments_mut().expect("the base was checked").push(id.as_str());
        let (status, body) = self.read(url, deadline).await?;
        match status {
            StatusCode::OK => {
                let record = Record::parse(&body).filter(|record| record.id().as_ref() == Some(id));
                let update = record.and_then(|record| record.update());
                update.map(Some).ok_or_else(|| unavailable("an answer is not the record that was asked for"))
            }
            // A wrong base may look the same. But then there is no list either, which is asked for next.
            StatusCode::NOT_FOUND if wire::refusal_code(404, &body).is_some() => Ok(None),
            status => Err(unclear(status)),
        }
    }

    /// What is recorded under our id. The provider does not search by it: all calls of the assistant are looked through that
    /// were made around the booking.
    async fn listed(
        &self,
        lookup: &ProviderLookup,
        deadline: Instant,
    ) -> Result<Option<CallUpdate>, PortUnavailable> {
        let booked_at = lookup.booked_at.unix_millis().max(0) / 1000;
        let mut windows = vec![Window { after: booked_at - MARGIN_SECS, before: booked_at + MARGIN_SECS }];
        let mut pages = 0;
        while let Some(window) = windows.pop() {
            pages += 1;
            if pages > MOST_PAGES {
                return Err(unavailable("there are more calls around the booking than are looked through"));
            }
            let (status, body) = self.read(self.list_of(lookup, window)?, deadline).await?;
            let records = Record::parse_list(&body).filter(|_| status == StatusCode::OK);
            let records = records.ok_or_else(|| unclear(status))?;
            if let Some(record) = the_one_of(lookup, &records)? {
                let update = record.update().filter(|update| update.conversation_id.is_some());
                return update.map(Some).ok_or_else(|| unavailable("a call is listed that is not a record"));
            }
            // Of an answer that is full nobody says what it leaves out, and in which order.
            if records.len() >= PAGE {
                windows.extend(window.halved(booked_at)?);
            }
        }
        Ok(None)
    }

    fn list_of(&self, lookup: &ProviderLookup, window: Window) -> Result<Url, PortUnavailable> {
        let mut url = self.calls.clone();
        let mut query = url.query_pairs_mut();
        if let Some(assistant_id) = &lookup.provider_agent_id {
            query.append_pair("assistantId", assistant_id.as_str());
        }
        query
            .append_pair("createdAtGt", &iso(window.after)?)
            .append_pair("createdAtLt", &iso(window.before)?)
            .append_pair("limit", &PAGE.to_string());
        drop(query);
        Ok(url)
    }

    /// One request, sent a second time where no answer came to the first.
    async fn read(&self, url: Url, deadline: Instant) -> Result<(StatusCode, Vec<u8>), PortUnavailable> {
        match self.read_once(url.clone(), deadline).await {
            Ok((status, body)) if !status.is_server_error() => Ok((status, body)),
            Ok(_) | Err(_) => self.read_once(url, deadline).await,
        }
    }

    async fn read_once(&self, url: Url, deadline: Instant) -> Result<(StatusCode, Vec<u8>), PortUnavailable> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut answer = self.http.get(url).timeout(left).send().await.map_err(unanswered)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ANSWER {
                return Err(unavailable("an answer is longer than any record"));
            }
        }
        Ok((answer.status(), body))
    }
}

#[async_trait]
impl ProviderRecords for VapiRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let deadline = Instant::now() + ANSWERS_WITHIN;
        if let Some(id) = &lookup.conversation_id
            && let Some(update) = self.recorded(id, deadline).await?
        {
            return Ok(Some(update));
        }
        self.listed(lookup, deadline).await
    }
}

impl fmt::Debug for VapiRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VapiRecords").field("calls", &self.calls.as_str()).finish_non_exhaustive()
    }
}

/// The time in which a call was made, in whole Unix seconds, both ends excluded.
#[derive(Clone, Copy)]
struct Window {
    after: i64,
    before: i64,
}

impl Window {
    /// Both halves, which overlap so that no moment falls between them; the one of the booking last.
    fn halved(self, booked_at: i64) -> Result<[Self; 2], PortUnavailable> {
        if self.before - self.after <= 2 {
            return Err(unavailable("there are more calls in one second than are listed"));
        }
        let middle = self.after + (self.before - self.after) / 2;
        let early = Self { before: middle + 1, ..self };
        let late = Self { after: middle, ..self };
        Ok(if booked_at <= middle { [late, early] } else { [early, late] })
    }
}

/// The record of the call that is asked for. Of two of them, or one that is another's as well, nobody can say which it is.
fn the_one_of<'a, 'b>(
    lookup: &ProviderLookup,
    records: &'b [Record<'a>],
) -> Result<Option<&'b Record<'a>>, PortUnavailable> {
    let mut found = None;
    for record in records {
        match record.owner(&lookup.call_id) {
            Owner::Other => {}
            Owner::Asked if found.is_none() => found = Some(record),
            Owner::Asked => return Err(unavailable("two calls are listed under one id of ours")),
            Owner::Contradictory => {
                return Err(unavailable("a call is listed under our id and another's"));
            }
        }
    }
    Ok(found)
}

fn iso(unix_secs: i64) -> Result<String, PortUnavailable> {
    let time = OffsetDateTime::from_unix_timestamp(unix_secs).ok();
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.ok_or_else(|| unavailable("the booking lies outside the provider's calendar"))
}

fn unclear(status: StatusCode) -> PortUnavailable {
    unavailable(format!("a question was answered with {}, and not with a record", status.as_u16()))
}

fn unanswered(error: reqwest::Error) -> PortUnavailable {
    unavailable(if error.is_connect() {
        "no connection was made"
    } else if error.is_timeout() {
        "no answer came in time"
    } else {
        "the connection was lost, or the answer is not HTTP"
    })
}

fn unavailable(reason: impl Into<std::borrow::Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new("vapi", reason)
}
