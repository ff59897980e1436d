//! Storing a stream: in one request if it is short, and otherwise in parts, with one part in memory.

use std::time::Duration;

use domain::ports::{AudioError, AudioStream, PortUnavailable, PutError};
use object_store::path::Path;
use object_store::{
    Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, Result,
};

use crate::failure::{unavailable, within};

/// S3 accepts parts of at least 5 MiB, and 10,000 of them.
const PART_LEN: usize = 8 << 20;
/// How long each request may take. After this timeout it is unknown whether the recording is stored.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_secs(25);
/// How long the removal of the parts may take, after a request that failed.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a stream is stored.
pub(crate) struct Upload<'a, S> {
    pub(crate) service: &'static str,
    pub(crate) store: &'a S,
    pub(crate) path: &'a Path,
    pub(crate) attributes: Attributes,
}

impl<S: ObjectStore> Upload<'_, S> {
    /// Stores the stream and returns its size. Of a stream that fails nothing is stored.
    pub(crate) async fn put(self, mut audio: AudioStream) -> Result<u64, PutError> {
        let first = read_part(&mut audio).await.map_err(PutError::Audio)?;
        if first.len() < PART_LEN {
            let size = first.len() as u64;
            let options = PutOptions { attributes: self.attributes.clone(), ..PutOptions::default() };
            self.step(self.store.put_opts(self.path, first.into(), options)).await?;
            return Ok(size);
        }
        let options =
            PutMultipartOptions { attributes: self.attributes.clone(), ..PutMultipartOptions::default() };
        let mut parts = self.step(self.store.put_multipart_opts(self.path, options)).await?;
        let stored = self.put_parts(parts.as_mut(), first, audio).await;
        if stored.is_err() {
            // Otherwise the parts stay in the store. The result is the same if this fails.
            let _ = tokio::time::timeout(ABORT_TIMEOUT, parts.abort()).await;
        }
        stored
    }

    async fn put_parts(
        &self,
        parts: &mut dyn MultipartUpload,
        first: Vec<u8>,
        mut audio: AudioStream,
    ) -> Result<u64, PutError> {
        let (mut part, mut size) = (first, 0);
        while !part.is_empty() {
            size += part.len() as u64;
            self.step(parts.put_part(PutPayload::from(part))).await?;
            part = read_part(&mut audio).await.map_err(PutError::Audio)?;
        }
        self.step(parts.complete()).await?;
        Ok(size)
    }

    /// One request to the store. Waiting for the stream is not part of it.
    async fn step<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T, PortUnavailable> {
        let request = async { request.await.map_err(|error| unavailable(self.service, &error)) };
        within(STEP_TIMEOUT, self.service, request).await
    }
}

/// The next part of a stream: at least [`PART_LEN`] bytes, unless the stream ends before.
async fn read_part(audio: &mut AudioStream) -> Result<Vec<u8>, AudioError> {
    let mut part = Vec::new();
    while part.len() < PART_LEN
        && let Some(chunk) = audio.next().await
    {
        let mut chunk = chunk?;
        // Memory for a whole part once, and not in steps that double it.
        let missing = if part.is_empty() { chunk.len() } else { PART_LEN.max(part.len() + chunk.len()) };
        part.reserve_exact(missing - part.len());
        part.append(&mut chunk);
    }
    Ok(part)
}
