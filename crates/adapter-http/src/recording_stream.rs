//! Sends a recording, as it is or as base64 inside JSON, while it is read from its store, so that a client that reads slowly, or not at
//! all, does not keep it in memory.

use std::mem::take;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::ports::{AudioError, AudioStream};
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender};
use tracing::Instrument;

use crate::recording_permits::RecordingPermit;
use crate::wire::RecordingFrame;

/// The client gets about this much audio at a time. A response holds three such chunks: one is
/// sent, one waits to be sent, and one is made.
const CHUNK_LEN: usize = 64 * 1024;

/// The rest of the response cannot be sent. The connection is closed before its end, so that the
/// client notices.
#[derive(Debug, thiserror::Error)]
#[error("the recording was cut")]
pub(crate) struct CutRecording;

/// Why the end of a recording is not sent.
enum Interruption {
    Unreadable(AudioError),
    /// The client did not take the last chunk in time.
    Unread,
    Disconnected,
}

/// The chunks of a response, `None` after the last one.
type Chunks = Sender<Option<Bytes>>;

/// The body of the response: the audio, as base64 inside the frame if there is one. It holds the permit until its
/// last chunk is taken, or until the client has not taken a chunk for `chunk_within`.
pub(crate) fn body(
    runtime: &Handle,
    frame: Option<RecordingFrame>,
    audio: AudioStream,
    permit: RecordingPermit,
    chunk_within: Duration,
) -> impl Stream<Item = Result<Bytes, CutRecording>> + use<> {
    let (chunks, mut received) = mpsc::channel(1);
    let sending = async move {
        let sent = tokio::select! {
            biased;
            // The store may not respond any more.
            () = chunks.closed() => Err(Interruption::Disconnected),
            sent = send(frame, audio, &chunks, chunk_within) => sent,
        };
        match sent {
            Ok(()) | Err(Interruption::Disconnected) => {}
            Err(Interruption::Unread) => {
                tracing::debug!("stopped sending a recording: the client did not read it in time");
            }
            Err(Interruption::Unreadable(cause)) => {
                tracing::error!(%cause, "cut the response with a recording: it cannot be read to its end");
            }
        }
        drop(permit);
    };
    drop(runtime.spawn(sending.in_current_span()));
    let mut is_complete = false;
    futures_util::stream::poll_fn(move |context| {
        if is_complete {
            return None.into();
        }
        received.poll_recv(context).map(|chunk| match chunk {
            Some(Some(bytes)) => Some(Ok(bytes)),
            Some(None) => {
                is_complete = true;
                None
            }
            None => {
                is_complete = true;
                Some(Err(CutRecording))
            }
        })
    })
}

async fn send(
    frame: Option<RecordingFrame>,
    mut audio: AudioStream,
    chunks: &Chunks,
    chunk_within: Duration,
) -> Result<(), Interruption> {
    match frame {
        Some(frame) => send_encoded(frame, audio, chunks, chunk_within).await?,
        None => {
            while let Some(chunk) = audio.next().await {
                let mut chunk = Bytes::from(chunk.map_err(Interruption::Unreadable)?);
                while !chunk.is_empty() {
                    let part = chunk.split_to(CHUNK_LEN.min(chunk.len()));
                    send_chunk(chunks, Some(part), chunk_within).await?;
                }
            }
        }
    }
    send_chunk(chunks, None, chunk_within).await
}

async fn send_encoded(
    frame: RecordingFrame,
    mut audio: AudioStream,
    chunks: &Chunks,
    chunk_within: Duration,
) -> Result<(), Interruption> {
    let RecordingFrame { before_audio: mut text, after_audio } = frame;
    // Base64 encodes groups of three bytes.
    let mut unencoded = Vec::new();
    while let Some(chunk) = audio.next().await {
        for part in chunk.map_err(Interruption::Unreadable)?.chunks(CHUNK_LEN) {
            unencoded.extend_from_slice(part);
            let whole_groups = unencoded.len() / 3 * 3;
            STANDARD.encode_string(&unencoded[..whole_groups], &mut text);
            unencoded.drain(..whole_groups);
            if text.len() >= CHUNK_LEN {
                send_chunk(chunks, Some(take(&mut text).into()), chunk_within).await?;
            }
        }
    }
    STANDARD.encode_string(&unencoded, &mut text);
    text.push_str(&after_audio);
    send_chunk(chunks, Some(text.into()), chunk_within).await
}

async fn send_chunk(
    chunks: &Chunks,
    chunk: Option<Bytes>,
    chunk_within: Duration,
) -> Result<(), Interruption> {
    match tokio::time::timeout(chunk_within, chunks.send(chunk)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Interruption::Disconnected),
        Err(_) => Err(Interruption::Unread),
    }
}
