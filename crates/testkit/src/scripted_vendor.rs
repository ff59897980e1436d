//! A harness for the adapter of a vendor without a simulator: scripted HTTP responses over a
//! socket.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::ports::VoiceProvider;

use crate::harness::{SentDial, Upstream, VoiceProviderHarness};
use crate::peer::{Connection, Peer};

/// The HTTP format of one vendor.
pub trait Vendor: Send + Sync + 'static {
    /// The adapter, with this base URL instead of the vendor's.
    fn adapter(&self, base_url: &str) -> Arc<dyn VoiceProvider>;

    /// The status and body of the vendor's response. Called with `AcceptsWithIds`,
    /// `AcceptsWithoutIds`, `Busy`, `Silent`, `Declines`, `Refuses`, `RefusesForNow` (the
    /// harness adds the header) and `ServerError`; the other behaviours are derived from the first.
    /// A vendor that responds when a call is queued returns its acceptance for `Busy`, `Silent` and `Declines`.
    fn answer(&self, upstream: Upstream) -> (u16, String);

    /// Reads the body of a dial. `answered` has the ids that [`Vendor::answer`] returns for
    /// `AcceptsWithIds`.
    fn sent(&self, body: &[u8]) -> SentDial;

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

    fn behaviour(&self) -> Upstream {
        *self.upstream.lock().expect("no panic while it is locked")
    }
}

#[async_trait]
impl<V: Vendor> VoiceProviderHarness for ScriptedVendor<V> {
    fn provider(&self) -> Arc<dyn VoiceProvider> {
        let unused = "http://127.0.0.1:1".to_owned();
        let refuses = self.behaviour() == Upstream::RefusesConnection;
        self.vendor.adapter(&if refuses { unused } else { self.peer.base_url() })
    }

    async fn upstream(&self, upstream: Upstream) {
        *self.upstream.lock().expect("no panic while it is locked") = upstream;
    }

    async fn requests(&self) -> Vec<SentDial> {
        let received = self.peer.received();
        let bodies = received.iter().filter_map(|request| {
            let head = request.windows(4).position(|end| end == b"\r\n\r\n")?;
            Some(&request[head + 4..])
        });
        bodies.map(|body| self.vendor.sent(body)).collect()
    }

    fn waits_for_the_callee(&self) -> bool {
        self.vendor.waits_for_the_callee()
    }
}

/// How much larger an oversize response is than any response of a vendor.
const OVERSIZE_BYTES: usize = 100 << 20;

async fn answer(vendor: Arc<impl Vendor>, upstream: Upstream, mut connection: Connection) {
    connection.read_request().await;
    let (success, accepted) = vendor.answer(Upstream::AcceptsWithIds);
    match upstream {
        Upstream::AcceptsWithIds
        | Upstream::AcceptsWithoutIds
        | Upstream::Busy
        | Upstream::Silent
        | Upstream::Declines
        | Upstream::Refuses
        | Upstream::ServerError => {
            let (status, body) = vendor.answer(upstream);
            connection.write(&http(status, "application/json", body.len(), &body)).await;
        }
        Upstream::RefusesForNow => {
            let (status, body) = vendor.answer(upstream);
            let content_type = "application/json\r\nretry-after: 7";
            connection.write(&http(status, content_type, body.len(), &body)).await;
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

fn http(status: u16, content_type: &str, length: usize, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
