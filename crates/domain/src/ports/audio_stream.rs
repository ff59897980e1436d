use std::fmt;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};

use super::PortUnavailable;

/// The bytes of a recording, in chunks. Its source is read no faster than the stream, so a reader
/// holds one chunk in memory and not the recording.
///
/// An error is the last item: the chunks before it are not the whole recording.
pub struct AudioStream {
    chunks: BoxStream<'static, Result<Vec<u8>, AudioError>>,
}

/// Why a recording cannot be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// It is larger than the gateway stores.
    #[error("the recording is larger than the gateway stores")]
    TooLarge,
    /// Its source is unavailable.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

impl AudioStream {
    /// A stream of these chunks. Empty ones are skipped, and nothing is read after an error.
    #[must_use]
    pub fn new(chunks: impl Stream<Item = Result<Vec<u8>, AudioError>> + Send + 'static) -> Self {
        let chunks = Box::pin(chunks.filter(|chunk| {
            let has_content = chunk.as_ref().map_or(true, |bytes| !bytes.is_empty());
            std::future::ready(has_content)
        }));
        let chunks = stream::unfold(Some(chunks), |chunks| async {
            let mut chunks = chunks?;
            let chunk = chunks.next().await?;
            let rest = chunk.is_ok().then_some(chunks);
            Some((chunk, rest))
        });
        Self { chunks: chunks.fuse().boxed() }
    }

    /// The same stream, which ends with [`AudioError::TooLarge`] instead of the chunk that exceeds
    /// this size.
    #[must_use]
    pub fn at_most(self, max_bytes: u64) -> Self {
        let mut read = 0_u64;
        Self::new(self.chunks.map(move |chunk| {
            let chunk = chunk?;
            read += chunk.len() as u64;
            if read > max_bytes { Err(AudioError::TooLarge) } else { Ok(chunk) }
        }))
    }

    /// The next chunk, which is not empty; `None` after the last one, however often.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, AudioError>> {
        self.chunks.next().await
    }

    /// Reads the stream to its end, into memory.
    pub async fn read_to_end(mut self) -> Result<Vec<u8>, AudioError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await {
            bytes.append(&mut chunk?);
        }
        Ok(bytes)
    }
}

impl From<Vec<u8>> for AudioStream {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(stream::iter([Ok(bytes)]))
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioStream").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
