//! Streams of the events of calls, each for one client that follows them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::{CallEvent, EventSequence, FollowCalls, Following, ReadCallsError, UserId};
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::error_answer::{log_following_cause, log_reading_cause};
use crate::wire::event_lines;

/// What may be open in this process, in all and of one user: each holds a connection and asks the store.
const STREAMS_AT_ONCE: usize = 1000;
const STREAMS_OF_ONE_USER: usize = 20;
/// A client that comes back shows its token anew, and may find another gateway.
const LONGEST_STREAM: Duration = Duration::from_hours(1);
/// How many events wait for a client that reads slowly; no more are asked for meanwhile.
const BUFFERED_EVENTS: usize = 16;

const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// Lets clients follow calls, so many at once.
pub(crate) struct EventStreams {
    follow_calls: Arc<FollowCalls>,
    runtime: Handle,
    open: Arc<Mutex<Open>>,
    ending: CancellationToken,
}

/// As many streams are open as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many streams are open")]
pub(crate) struct TooManyStreams;

/// How long streams last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamTimes {
    /// How long a stream is silent at most.
    pub(crate) heartbeat: Duration,
    /// How long the client's token is good from now.
    pub(crate) good_for: Duration,
}

impl EventStreams {
    pub(crate) fn new(follow_calls: Arc<FollowCalls>, runtime: Handle) -> Self {
        Self { follow_calls, runtime, open: Arc::default(), ending: CancellationToken::new() }
    }

    /// Room for one more stream of this user.
    pub(crate) fn seat(&self, user_id: &UserId) -> Result<StreamSeat, TooManyStreams> {
        StreamSeat::take(&self.open, user_id).ok_or(TooManyStreams)
    }

    /// Starts to follow: behind the last event that was seen, or from now on. To be run where the pools are.
    pub(crate) fn start(
        &self,
        user_id: UserId,
        last_seen: Option<EventSequence>,
    ) -> impl Future<Output = Result<Following, ReadCallsError>> + Send + use<> {
        let follow_calls = Arc::clone(&self.follow_calls);
        async move { follow_calls.start(&user_id, last_seen).await.inspect_err(log_reading_cause) }
    }

    /// The lines of a stream. A client that has gone away is noticed when something is sent to it, a heartbeat or two later. The
    /// stream ends after an hour, when the client's token expires, when all streams are ended, and when the
    /// store fails: the client comes back and goes on where it was.
    pub(crate) fn lines(
        &self,
        seat: StreamSeat,
        following: Following,
        times: StreamTimes,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
        let ends_at = Instant::now() + times.good_for.min(LONGEST_STREAM);
        let (lines, mut sent) = mpsc::channel(BUFFERED_EVENTS);
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
            drop(seat);
        };
        drop(self.runtime.spawn(streaming.in_current_span()));
        futures_util::stream::poll_fn(move |context| sent.poll_recv(context).map(|lines| lines.map(Ok)))
    }

    /// Ends every stream, and those that begin from now on as soon as they have begun.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }
}

/// What a stream begins with, so that the client has its headers at once and knows when to come back, and behind which place:
/// who loses the stream before the first event would else begin with the next one, and miss what happened in between.
fn opening(position: EventSequence) -> Bytes {
    format!("retry: 2000\nid: {}\n\n: events of calls follow\n\n", position.number()).into()
}

/// Tells of events until nobody listens or the store fails. No more is read while the client has not taken what was.
async fn follow(
    follow_calls: &FollowCalls,
    mut following: Following,
    heartbeat: Duration,
    lines: &Sender<Bytes>,
) {
    let mut listens = true;
    while listens {
        listens = match follow_calls.next(&mut following, heartbeat).await {
            Ok(events) if events.is_empty() => lines.send(HEARTBEAT).await.is_ok(),
            Ok(events) => tell(&events, lines).await.is_ok(),
            Err(cause) => {
                log_following_cause(&cause);
                return;
            }
        };
    }
}

async fn tell(events: &[CallEvent], lines: &Sender<Bytes>) -> Result<(), mpsc::error::SendError<Bytes>> {
    for event in events {
        lines.send(event_lines(event)).await?;
    }
    Ok(())
}

/// The streams that are open.
#[derive(Default)]
struct Open {
    all: usize,
    by_user: HashMap<UserId, usize>,
}

/// The room that one stream takes up, until it is dropped.
pub(crate) struct StreamSeat {
    open: Arc<Mutex<Open>>,
    user_id: UserId,
}

impl StreamSeat {
    fn take(open: &Arc<Mutex<Open>>, user_id: &UserId) -> Option<Self> {
        let mut counted = open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = counted.by_user.get(user_id).copied().unwrap_or_default();
        if counted.all >= STREAMS_AT_ONCE || of_user >= STREAMS_OF_ONE_USER {
            return None;
        }
        counted.all += 1;
        counted.by_user.insert(user_id.clone(), of_user + 1);
        Some(Self { open: Arc::clone(open), user_id: user_id.clone() })
    }
}

impl Drop for StreamSeat {
    fn drop(&mut self) {
        let mut counted = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        counted.all -= 1;
        if let Some(of_user) = counted.by_user.get_mut(&self.user_id) {
            *of_user -= 1;
            if *of_user == 0 {
                counted.by_user.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: usize) -> UserId {
        UserId::parse(&format!("u{n}")).expect("an id")
    }

    #[test]
    fn a_user_has_so_many_streams_and_a_place_is_given_back() {
        let open = Arc::default();
        let mut seats: Vec<_> =
            (0..STREAMS_OF_ONE_USER).map(|_| StreamSeat::take(&open, &user(1)).expect("room")).collect();
        assert!(StreamSeat::take(&open, &user(1)).is_none());
        let other = StreamSeat::take(&open, &user(2));
        assert!(other.is_some());
        seats.pop();
        assert!(StreamSeat::take(&open, &user(1)).is_some());
        drop((seats, other));
        let counted = open.lock().expect("no test panics");
        assert_eq!((counted.all, counted.by_user.len()), (0, 0));
    }

    #[test]
    fn a_process_has_so_many_streams() {
        let open = Arc::default();
        let take = |n| StreamSeat::take(&open, &user(n));
        let mut seats: Vec<_> = (0..STREAMS_AT_ONCE).map(|n| take(n).expect("room")).collect();
        assert!(take(STREAMS_AT_ONCE).is_none());
        seats.pop();
        assert!(take(STREAMS_AT_ONCE).is_some());
    }
}
