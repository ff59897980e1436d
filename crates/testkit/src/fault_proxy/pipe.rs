use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until};

use super::fault::{Flow, Way};
use super::switch::Link;

/// How many bytes a direction holds before it reads no more.
const MAX_QUEUED_BYTES: usize = 4 << 20;

/// How one direction of a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The source closed its side, and the target got all bytes and the close.
    Finished,
    /// The target takes no more bytes.
    TargetGone,
    /// Both sockets must be closed.
    Close,
    /// Both sockets must be reset.
    Reset,
}

/// Forwards one direction with its fault.
///
/// It reads while it waits to write, so that it notices the end of a client whose bytes are held.
pub(super) async fn run(way: Way, link: &Link, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> End {
    let mut pipe = Pipe::new(way, link);
    let mut changes = link.changes();
    let mut buffer = vec![0; 16 << 10];
    loop {
        changes.forget();
        let flow = pipe.flow();
        let has_room = pipe.has_room();
        let step = pipe.next_step(flow);
        tokio::select! {
            // First what has arrived: a reset after a request must not cut the request in two.
            biased;
            () = changes.next() => {}
            read = from.read(&mut buffer), if has_room => {
                pipe.arrived(match read {
                    Ok(0) => Arrived::Close,
                    Ok(length) => Arrived::Bytes(buffer[..length].to_vec()),
                    Err(_) => Arrived::Reset,
                });
            }
            done = perform(step, &mut to) => match done {
                Ok(Done::Sent(length)) => pipe.sent(length),
                Ok(Done::Ended(end)) => return end,
                Err(_) => return End::TargetGone,
            },
        }
    }
}

/// What came from the source.
enum Arrived {
    Bytes(Vec<u8>),
    Close,
    Reset,
}

/// What to do with the beginning of the queue.
enum Step<'a> {
    Wait,
    Send { bytes: &'a [u8], at: Instant },
    Shutdown { at: Instant },
    End { end: End, at: Instant },
}

enum Done {
    Sent(usize),
    Ended(End),
}

/// Does a step. Nothing is lost if this is cancelled.
async fn perform(step: Step<'_>, to: &mut WriteHalf<'_>) -> io::Result<Done> {
    match step {
        Step::Wait => std::future::pending().await,
        Step::Send { bytes, at } => {
            wait_until(at).await;
            to.write(bytes).await.map(Done::Sent)
        }
        Step::Shutdown { at } => {
            wait_until(at).await;
            to.shutdown().await.map(|()| Done::Ended(End::Finished))
        }
        Step::End { end, at } => {
            wait_until(at).await;
            Ok(Done::Ended(end))
        }
    }
}

/// A timer takes a millisecond, also for a time that has passed. Bytes without a delay must not
/// wait for it.
async fn wait_until(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}

struct Pipe<'a> {
    way: Way,
    link: &'a Link,
    queue: VecDeque<(Instant, Arrived)>,
    queued_bytes: usize,
    /// The source has closed or reset the connection.
    has_ended: bool,
    has_lost: bool,
    /// The number of the fault's setting.
    setting: u64,
    /// How many bytes were sent under this setting, and when the last of them were.
    sent_bytes: usize,
    sent_at: Option<Instant>,
}

impl<'a> Pipe<'a> {
    fn new(way: Way, link: &'a Link) -> Self {
        Self {
            way,
            link,
            queue: VecDeque::new(),
            queued_bytes: 0,
            has_ended: false,
            has_lost: false,
            setting: 0,
            sent_bytes: 0,
            sent_at: None,
        }
    }

    fn has_room(&self) -> bool {
        !self.has_ended && self.queued_bytes < MAX_QUEUED_BYTES
    }

    fn arrived(&mut self, arrived: Arrived) {
        match &arrived {
            Arrived::Bytes(bytes) => self.queued_bytes += bytes.len(),
            Arrived::Close | Arrived::Reset => self.has_ended = true,
        }
        self.queue.push_back((Instant::now(), arrived));
    }

    fn sent(&mut self, length: usize) {
        self.sent_bytes += length;
        self.sent_at = Some(Instant::now());
        self.queued_bytes -= length;
        if let Some((_, Arrived::Bytes(bytes))) = self.queue.front_mut() {
            bytes.drain(..length);
            if bytes.is_empty() {
                self.queue.pop_front();
            }
        }
    }

    fn has_bytes(&self) -> bool {
        matches!(self.queue.front(), Some((_, Arrived::Bytes(_))))
    }

    /// The flow of the current fault. What it loses is lost here.
    fn flow(&mut self) -> Flow {
        let setting = self.link.setting(self.way, self.has_bytes());
        if setting.number != self.setting {
            (self.setting, self.sent_bytes, self.sent_at) = (setting.number, 0, None);
        }
        let flow = setting.fault.flow(self.way);
        self.has_lost |= flow == Flow::Lose && !self.queue.is_empty();
        if self.has_lost {
            self.queue.clear();
            self.queued_bytes = 0;
        }
        flow
    }

    fn next_step(&self, flow: Flow) -> Step<'_> {
        let (now, has_bytes) = (Instant::now(), self.has_bytes());
        let reset = Step::End { end: End::Reset, at: now };
        if self.has_lost {
            return if self.has_ended && flow != Flow::Lose { reset } else { Step::Wait };
        }
        if self.way == Way::Requests && self.has_ended && !self.link.delivers_after_close() {
            return reset;
        }
        match flow {
            Flow::ResetAfter if self.sent_bytes > 0 && !has_bytes => return reset,
            Flow::ResetBefore if has_bytes => return reset,
            Flow::Cut { after, with_reset } if self.sent_bytes >= after && (after > 0 || has_bytes) => {
                return Step::End { end: if with_reset { End::Reset } else { End::Close }, at: now };
            }
            Flow::Hold => return Step::Wait,
            _ => {}
        }
        let Some((arrived_at, front)) = self.queue.front() else { return Step::Wait };
        let at = match flow {
            Flow::Pass { delay } => *arrived_at + delay,
            Flow::Trickle { every, .. } => self.sent_at.map_or(now, |sent_at| sent_at + every),
            _ => now,
        };
        match front {
            Arrived::Bytes(bytes) => {
                let most = match flow {
                    Flow::Trickle { bytes, .. } => bytes.max(1),
                    Flow::Cut { after, .. } => after - self.sent_bytes,
                    _ => bytes.len(),
                };
                Step::Send { bytes: &bytes[..most.min(bytes.len())], at }
            }
            Arrived::Close => Step::Shutdown { at },
            // A client that has reset its connection needs no reset. Closing the upstream's socket
            // delivers what the kernel has not sent yet.
            Arrived::Reset if self.way == Way::Requests => Step::End { end: End::Close, at },
            Arrived::Reset => Step::End { end: End::Reset, at },
        }
    }
}
