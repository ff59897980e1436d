//! What clients asked for and what they got.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::intents::Intent;

/// The requests of a run, in the order of their numbers.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<Vec<Request>>>);

#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its index in the history. It is also in the reason of the call, so that a dial names it.
    pub(crate) number: usize,
    pub(crate) intent: Intent,
    pub(crate) kind: Kind,
    /// The index of the gateway.
    pub(crate) gateway: usize,
    /// `None` while the client waits.
    pub(crate) ended: Option<Duration>,
    pub(crate) reply: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    /// With a token that another key signed.
    BadToken,
    /// Without a number.
    BadBody,
    /// To a contact of the other organization.
    ForeignContact,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// `None` as its body if it is not JSON.
    Response { status: u16, body: Option<Value> },
    /// No complete response.
    Broken,
    /// The client hung up.
    HungUp,
}

impl Request {
    /// How every reason begins. No log may contain it.
    pub(crate) const REASON: &str = "the reason of request ";

    pub(crate) fn reason(&self) -> String {
        format!("{}{}", Self::REASON, self.number)
    }

    /// The number of the request that a dial's reason names.
    pub(crate) fn number_in(reason: &str) -> Option<usize> {
        reason.strip_prefix(Self::REASON)?.parse().ok()
    }

    pub(crate) fn body(&self) -> Option<&Value> {
        match &self.reply {
            Reply::Response { body, .. } => body.as_ref(),
            Reply::Broken | Reply::HungUp => None,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self.reply {
            Reply::Response { status, .. } => Some(status),
            Reply::Broken | Reply::HungUp => None,
        }
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body()?[field].as_str()
    }

    pub(crate) fn code(&self) -> &str {
        self.text("code").unwrap_or_default()
    }

    /// The response in a few words, for the report.
    pub(crate) fn response(&self) -> String {
        match &self.reply {
            Reply::Response { status: 200, .. } if self.is_duplicate() => "200, a duplicate".to_owned(),
            Reply::Response { status: 200, .. } => "200, a new call".to_owned(),
            Reply::Response { status, .. } => format!("{status} {}", self.code()),
            Reply::Broken => "connection broken".to_owned(),
            Reply::HungUp => "client hung up".to_owned(),
        }
    }

    pub(crate) fn is_new_call(&self) -> bool {
        self.status() == Some(200) && self.body().is_some_and(|body| body["deduplicated"] == false)
    }

    pub(crate) fn is_duplicate(&self) -> bool {
        self.status() == Some(200) && self.body().is_some_and(|body| body["deduplicated"] == true)
    }
}

impl History {
    /// Records a request before it is sent.
    pub(crate) fn begin(&self, intent: Intent, kind: Kind, gateway: usize) -> Request {
        let mut requests = self.requests();
        let number = requests.len();
        let request = Request { number, intent, kind, gateway, ended: None, reply: Reply::Broken };
        requests.push(request.clone());
        request
    }

    pub(crate) fn end(&self, number: usize, reply: Reply, ended: Duration) {
        let request = &mut self.requests()[number];
        request.reply = reply;
        request.ended = Some(ended);
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.requests().clone()
    }

    fn requests(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.0.lock().expect("no client panics while it writes the history")
    }
}
