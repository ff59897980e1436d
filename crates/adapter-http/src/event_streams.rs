//! Event streams: each sends the call events of an organization to one client.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{
    CallEvent, EventSequence, FollowCalls, Following, MaxShare, OrganizationId, ReadCallsError, Share,
    Shares, UserId,
};
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// The most open streams of this process, and of one user: each holds a connection and reads the
/// store. An organization has at most its share of the former.
const MAX_STREAMS: usize = 1000;
const MAX_STREAMS_PER_USER: usize = 20;
/// A client that reconnects shows its token again, and may reach another gateway.
const MAX_STREAM_DURATION: Duration = Duration::from_hours(1);
/// How many events wait for a slow client. The stream reads no more from the store until the client
/// takes some.
const MAX_BUFFERED_EVENTS: usize = 16;

const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// The event streams of this process.
pub(crate) struct EventStreams {
    follow_calls: Arc<FollowCalls>,
    runtime: Handle,
    permits: StreamPermits,
    ending: CancellationToken,
}

/// How long a stream lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamTimes {
    /// The longest time without a line.
    pub(crate) heartbeat: Duration,
    pub(crate) token_expires_in: Duration,
}

impl EventStreams {
    pub(crate) fn new(follow_calls: Arc<FollowCalls>, runtime: Handle, max_share: MaxShare) -> Self {
        let permits = StreamPermits::new(max_share);
        Self { follow_calls, runtime, permits, ending: CancellationToken::new() }
    }

    /// A permit for one more stream of this user; `None` if too many are open. Charge it to the
    /// organization once the stream has started.
    pub(crate) fn permit(&self, user_id: &UserId) -> Option<StreamPermit> {
        self.permits.take(user_id)
    }

    /// Starts after the last event that the client has seen, or with the next event. Run it on the
    /// gateway's runtime.
    pub(crate) fn start(
        &self,
        user_id: UserId,
        last_seen: Option<EventSequence>,
    ) -> impl Future<Output = Result<Following, ReadCallsError>> + Send + use<> {
        let follow_calls = Arc::clone(&self.follow_calls);
        async move { follow_calls.start(&user_id, last_seen).await }
    }

    /// The lines of a stream. A disconnected client is noticed when something is sent to it, after
    /// one or two heartbeats. The stream ends after an hour, when the client's token expires, when
    /// [`Self::end`] is called, and when the store fails: the client then reconnects and continues
    /// after the last event that it has seen.
    pub(crate) fn lines(
        &self,
        permit: StreamPermit,
        following: Following,
        times: StreamTimes,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
        let ends_at = Instant::now() + times.token_expires_in.min(MAX_STREAM_DURATION);
        let (lines, mut sent) = mpsc::channel(MAX_BUFFERED_EVENTS);
        lines.try_send(opening(following.sequence())).expect("there is room in an empty channel");
        let (follow_calls, ending) = (Arc::clone(&self.follow_calls), self.ending.clone());
        let streaming = async move {
            tokio::select! {
                biased;
                () = lines.closed() => {}
                () = ending.cancelled() => {}
                () = sleep_until(ends_at) => {}
                () = follow(&follow_calls, following, times.heartbeat, &lines) => {}
            }
            drop(permit);
        };
        drop(self.runtime.spawn(streaming.in_current_span()));
        futures_util::stream::poll_fn(move |context| sent.poll_recv(context).map(|lines| lines.map(Ok)))
    }

    /// Ends every open stream, and each later one after its opening lines.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }
}

/// The first lines of a stream, so that the client immediately receives its headers, when to
/// reconnect, and the sequence number that the stream starts after. A client that loses the stream
/// before the first event would otherwise start again with the next event, and miss those in
/// between.
fn opening(sequence: EventSequence) -> Bytes {
    format!("retry: 2000\nid: {}\n\n: events of calls follow\n\n", sequence.number()).into()
}

/// One event in a stream: three lines and an empty one.
fn event_lines(event: &CallEvent) -> Bytes {
    let data = event_json::to_json(event);
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.sequence.number(), event.kind.as_str()).into()
}

/// Sends events until the client disconnects or the store fails. Reads no more while the client has
/// not taken the last ones.
async fn follow(
    follow_calls: &FollowCalls,
    mut following: Following,
    heartbeat: Duration,
    lines: &Sender<Bytes>,
) {
    let mut is_connected = true;
    while is_connected {
        is_connected = match follow_calls.next(&mut following, heartbeat).await {
            Ok(events) if events.is_empty() => lines.send(HEARTBEAT).await.is_ok(),
            Ok(events) => send(&events, lines).await.is_ok(),
            Err(cause) => {
                tracing::error!(%cause, "an event stream ends: a store is unavailable; the client reconnects");
                return;
            }
        };
    }
}

async fn send(events: &[CallEvent], lines: &Sender<Bytes>) -> Result<(), mpsc::error::SendError<Bytes>> {
    for event in events {
        lines.send(event_lines(event)).await?;
    }
    Ok(())
}

/// The permits of one process.
struct StreamPermits {
    users: Arc<Shares<UserId>>,
    organizations: Arc<Shares<OrganizationId>>,
}

/// The right to one open stream, until it is dropped.
pub(crate) struct StreamPermit {
    _of_user: Share<UserId>,
    organizations: Arc<Shares<OrganizationId>>,
    _of_organization: Option<Share<OrganizationId>>,
}

impl StreamPermits {
    fn new(max_share: MaxShare) -> Self {
        Self {
            users: Arc::new(Shares::new(MAX_STREAMS, MAX_STREAMS_PER_USER)),
            organizations: Arc::new(Shares::new(MAX_STREAMS, max_share.of(MAX_STREAMS))),
        }
    }

    fn take(&self, user_id: &UserId) -> Option<StreamPermit> {
        let of_user = self.users.take(user_id)?;
        let organizations = Arc::clone(&self.organizations);
        Some(StreamPermit { _of_user: of_user, organizations, _of_organization: None })
    }
}

impl StreamPermit {
    /// Counts the stream for the organization that it follows; `None` if the organization has its
    /// share of the streams already.
    pub(crate) fn charged_to(self, organization_id: &OrganizationId) -> Option<Self> {
        let share = self.organizations.take(organization_id)?;
        Some(Self { _of_organization: Some(share), ..self })
    }
}

#[cfg(test)]
mod tests;
