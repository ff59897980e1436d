//! Fetches a recording as a stream. It may have hundreds of megabytes.

use std::time::Duration;

use domain::ports::{AudioStream, FetchedRecording, PortUnavailable};
use futures_util::stream::{self, StreamExt};
use provider_client::{Download, DownloadTimes, ProviderClient, RequestFailure};
use url::Url;

use crate::audio::{FIRST_BYTES, recognized};
use crate::records::{is_missing, unavailable, unexpected};

/// The largest recording that the gateway stores by default then needs about 3 Mbit/s.
const TIMES: DownloadTimes = DownloadTimes {
    head_within: Duration::from_secs(30),
    chunk_within: Duration::from_secs(30),
    body_within: Duration::from_mins(15),
};
/// The longest response that is not a recording.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// The recording at this URL; `None` if the provider responds that it has none.
pub(crate) async fn fetch(
    client: &ProviderClient,
    url: &Url,
) -> Result<Option<FetchedRecording>, PortUnavailable> {
    let mut download = client.download(url, TIMES).await.map_err(failed)?;
    match download.status() {
        200 => recording(download).await,
        404 => {
            let refusal = download.read_to_end(MAX_REFUSAL_BYTES).await.map_err(failed)?;
            if is_missing(&refusal) { Ok(None) } else { Err(unexpected(404)) }
        }
        status => Err(unexpected(status)),
    }
}

async fn recording(mut download: Download) -> Result<Option<FetchedRecording>, PortUnavailable> {
    if !download.has_end() {
        return Err(unavailable("the response does not show where the recording ends"));
    }
    let mut first = Vec::new();
    while first.len() < FIRST_BYTES
        && let Some(mut chunk) = next(&mut download).await?
    {
        first.append(&mut chunk);
    }
    if first.is_empty() {
        return Ok(None);
    }
    let format = recognized(&first).ok_or_else(|| unavailable("the response is not audio"))?;
    let rest = stream::unfold(download, |mut download| async {
        let chunk = next(&mut download).await.transpose()?;
        Some((chunk.map_err(Into::into), download))
    });
    let audio = AudioStream::new(stream::iter([Ok(first)]).chain(rest));
    Ok(Some(FetchedRecording { format, audio }))
}

async fn next(download: &mut Download) -> Result<Option<Vec<u8>>, PortUnavailable> {
    download.next().await.transpose().map_err(failed)
}

fn failed(failure: RequestFailure) -> PortUnavailable {
    unavailable(failure.to_string())
}
