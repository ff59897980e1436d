//! A harness for the adapter of a vendor without a simulator: scripted HTTP responses over a
//! socket.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::ports::VoiceProvider;

use crate::harness::{DialFormat, SentDial, Upstream, VoiceProviderHarness};
use crate::peer::{Connection, Peer, Request};

/// The HTTP format of one vendor.
pub trait Vendor: DialFormat + 'static {
    /// The status and body of the vendor's response. Called with `AcceptsWithoutIds`, `Busy`,
    /// `Silent` and `Declines`; the other behaviours are derived from [`DialFormat`]. A vendor that
    /// responds when a call is queued returns its acceptance for `Busy`, `Silent` and `Declines`.
    fn answer(&self, upstream: Upstream) -> (u16, String);

    /// Reads a dial. `answered` has the ids in [`DialFormat::acceptance`].
    fn sent(&self, request: &Request) -> SentDial;

    /// As [`VoiceProviderHarness::waits_for_the_callee`].
    fn waits_for_the_callee(&self) -> bool;
}

/// The harness.
pub struct ScriptedVendor<V> {
    vendor: Arc<V>,
    peer: Peer,
    upstream: Arc<Mutex<Upstream>>,
}

impl<V: Vendor> ScriptedVendor<V> {
    /// Starts the socket.
    pub async fn start(vendor: V) -> Self {
        let vendor = Arc::new(vendor);
        let upstream = Arc::new(Mutex::new(Upstream::AcceptsWithIds));
        let (its_vendor, its_upstream) = (Arc::clone(&vendor), Arc::clone(&upstream));
        let peer = Peer::start(move |connection| {
            let upstream = *its_upstream.lock().expect("no panic while it is locked");
            answer(Arc::clone(&its_vendor), upstream, connection)
        })
        .await;
        Self { vendor, peer, upstream }
    }

    /// Every request that the vendor has received. A test that checks more of it than the suite
    /// reads it here.
    #[must_use]
    pub fn received(&self) -> Vec<Request> {
        self.peer.requests()
    }

    fn behaviour(&self) -> Upstream {
        *self.upstream.lock().expect("no panic while it is locked")
    }
}

#[async_trait]
impl<V: Vendor> VoiceProviderHarness for ScriptedVendor<V> {
    fn format(&self) -> Arc<dyn DialFormat> {
        Arc::<V>::clone(&self.vendor)
    }

    fn provider(&self) -> Arc<dyn VoiceProvider> {
        let unused = "http://127.0.0.1:1".to_owned();
        let refuses = self.behaviour() == Upstream::RefusesConnection;
        let base_url = if refuses { unused } else { self.peer.base_url() };
        self.vendor.adapter(&base_url, "any").expect("the settings are valid")
    }

    async fn upstream(&self, upstream: Upstream) {
        *self.upstream.lock().expect("no panic while it is locked") = upstream;
    }

    async fn requests(&self) -> Vec<SentDial> {
        self.received().iter().map(|request| self.vendor.sent(request)).collect()
    }

    fn waits_for_the_callee(&self) -> bool {
        self.vendor.waits_for_the_callee()
    }
}

/// How much larger an oversize response is than any response of a vendor.
const OVERSIZE_BYTES: usize = 100 << 20;

async fn answer(vendor: Arc<impl Vendor>, upstream: Upstream, mut connection: Connection) {
    connection.read_request().await;
    let (success, accepted) = vendor.acceptance();
    match upstream {
        Upstream::AcceptsWithIds => {
            connection.write(&json(success, &accepted)).await;
        }
        Upstream::AcceptsWithoutIds | Upstream::Busy | Upstream::Silent | Upstream::Declines => {
            let (status, body) = vendor.answer(upstream);
            connection.write(&json(status, &body)).await;
        }
        Upstream::Refuses => {
            let refusing = vendor.refusing_statuses();
            let status = *refusing.first().expect("a vendor has a status of refusals");
            // The number of the dial, wherever the vendor's format has it.
            let dialled =
                connection.requests().iter().map(|request| vendor.sent(request).to).collect::<String>();
            let body = vendor.refusal(status, &format!("{dialled} is not valid"));
            connection.write(&json(status, &body)).await;
        }
        Upstream::ServerError => {
            connection.write(&json(500, &vendor.refusal(500, "internal error"))).await;
        }
        Upstream::RefusesForNow => {
            let body = vendor.refusal(429, "too many calls");
            let content_type = "application/json\r\nretry-after: 7";
            connection.write(&http(429, content_type, body.len(), &body)).await;
        }
        Upstream::RefusesConnection | Upstream::BreaksConnection => {}
        Upstream::NeverResponds => while connection.read_some().await > 0 {},
        Upstream::ForeignResponse => {
            let page = "<html>Welcome</html>";
            connection.write(&http(success, "text/html", page.len(), page)).await;
        }
        Upstream::OversizeResponse => {
            let length = accepted.len() + OVERSIZE_BYTES;
            connection.write(&http(success, "application/json", length, &accepted)).await;
            let spaces = vec![b' '; 64 << 10];
            let mut left = OVERSIZE_BYTES;
            while left > 0 && connection.write(&spaces[..left.min(spaces.len())]).await {
                left -= left.min(spaces.len());
            }
        }
        Upstream::CutResponse => {
            let half = &accepted[..accepted.len() / 2];
            connection.write(&http(success, "application/json", accepted.len(), half)).await;
        }
        Upstream::Redirects => {
            let head = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
            connection.write(head.as_bytes()).await;
        }
    }
}

fn json(status: u16, body: &str) -> Vec<u8> {
    http(status, "application/json", body.len(), body)
}

/// A response that ends with its connection.
pub(crate) fn http(status: u16, content_type: &str, length: usize, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
