use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AudioError, AudioStream, OpenAudio, PortUnavailable, PutError, RecordingAccess, RecordingStore,
};
use domain::{AudioFormat, AudioPart, RecordingKey};
use futures_util::{StreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::{Method, Signer as _};
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, GetOptions, GetRange, ObjectStore as _,
    ObjectStoreExt as _, RetryConfig,
};
use secrecy::ExposeSecret;

use crate::FETCH_TIMEOUT;
use crate::failure::{unavailable, unavailable_or, within};
use crate::name::path_of;
use crate::settings::{InvalidSettings, S3Settings};
use crate::upload::{STEP_TIMEOUT, Upload};

const SERVICE: &str = "recordings bucket";
/// The client does not say why a list is refused.
const NOT_LISTED: &str =
    "the bucket cannot be listed: does it exist, and may the access key list it (s3:ListBucket)?";
/// A player fetches immediately; the short time limits the damage of a leaked link.
const LINK_VALID_FOR: Duration = Duration::from_secs(600);
/// How much of a recording is in memory at a time while it is read here.
const PIECE_LEN: u64 = 1 << 20;
/// Short enough that the timeout of an operation leaves time for a second attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Recordings as objects in an S3-compatible bucket. S3 never shows a part of an object.
pub struct BucketRecordings {
    prefix: Path,
    bucket: AmazonS3,
}

impl fmt::Debug for BucketRecordings {
    // The client contains the secret access key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketRecordings").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl BucketRecordings {
    /// Builds the client. Sends nothing.
    ///
    /// # Errors
    ///
    /// A setting is invalid, or the machine has no CA certificates for an HTTPS client.
    pub fn open(settings: &S3Settings) -> Result<Self, InvalidSettings> {
        let prefix = settings.checked_prefix()?;
        let client = ClientOptions::new()
            .with_allow_http(settings.allow_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(STEP_TIMEOUT);
        // Each operation has its own timeout; retries must not outlast the shorter one.
        let retries = RetryConfig {
            max_retries: 3,
            retry_timeout: FETCH_TIMEOUT / 2,
            backoff: BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() },
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose_secret())
            .with_virtual_hosted_style_request(!settings.path_style)
            .with_client_options(client)
            .with_retry(retries);
        if let Some(endpoint) = settings.checked_endpoint()? {
            builder = builder.with_endpoint(endpoint);
        }
        let bucket = builder.build().map_err(|_| InvalidSettings::HttpClient)?;
        Ok(Self { prefix, bucket })
    }
}

impl BucketRecordings {
    /// Lists at most one page of recordings: the bucket must exist, and the access key may list it.
    /// Returns whether there is any recording.
    ///
    /// # Errors
    ///
    /// The bucket does not exist, does not permit it, or cannot be reached.
    pub async fn look(&self) -> Result<bool, PortUnavailable> {
        within(FETCH_TIMEOUT, SERVICE, async {
            let first = self.bucket.list(Some(&self.prefix)).next().await.transpose();
            Ok(first.map_err(|error| unavailable_or(SERVICE, &error, NOT_LISTED))?.is_some())
        })
        .await
    }
}

#[async_trait]
impl RecordingStore for BucketRecordings {
    async fn put(
        &self,
        key: &RecordingKey,
        format: AudioFormat,
        audio: AudioStream,
    ) -> Result<u64, PutError> {
        let attributes = Attributes::from_iter([(Attribute::ContentType, format.media_type())]);
        let path = path_of(&self.prefix, key);
        Upload { service: SERVICE, store: &self.bucket, path: &path, attributes }.put(audio).await
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        let path = path_of(&self.prefix, key);
        within(FETCH_TIMEOUT, SERVICE, async {
            match self.bucket.head(&path).await {
                Ok(_) => {}
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(unavailable(SERVICE, &error)),
            }
            let link = self.bucket.signed_url(Method::GET, &path, LINK_VALID_FOR).await;
            let url = link.map_err(|error| unavailable(SERVICE, &error))?;
            Ok(Some(RecordingAccess::Link { url: url.into(), valid_for: LINK_VALID_FOR }))
        })
        .await
    }

    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        let path = path_of(&self.prefix, key);
        within(FETCH_TIMEOUT, SERVICE, async {
            let found = match self.bucket.head(&path).await {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(unavailable(SERVICE, &error)),
            };
            let part = part.of(found.size).map(|at| {
                let bucket = self.bucket.clone();
                (at.clone(), Pieces { bucket, path: path.clone(), e_tag: found.e_tag, left: at }.read())
            });
            Ok(Some(OpenAudio { size: found.size, part }))
        })
        .await
    }

    /// The service answers the same for an object that is absent.
    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        let path = path_of(&self.prefix, key);
        within(FETCH_TIMEOUT, SERVICE, async {
            match self.bucket.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(unavailable(SERVICE, &error)),
            }
        })
        .await
    }
}

/// An object that is read in pieces, each with a request of its own: a client that reads slowly
/// keeps no connection to the service.
struct Pieces {
    bucket: AmazonS3,
    path: Path,
    /// The version that is read. If the recording is replaced meanwhile, the stream ends with an error.
    e_tag: Option<String>,
    left: Range<u64>,
}

impl Pieces {
    fn read(self) -> AudioStream {
        AudioStream::new(stream::unfold(self, |mut pieces| async {
            let at = pieces.left.start..pieces.left.end.min(pieces.left.start + PIECE_LEN);
            if at.is_empty() {
                return None;
            }
            pieces.left.start = at.end;
            let piece = within(FETCH_TIMEOUT, SERVICE, pieces.get(at)).await;
            Some((piece.map_err(AudioError::from), pieces))
        }))
    }

    async fn get(&self, at: Range<u64>) -> Result<Vec<u8>, PortUnavailable> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(at)),
            if_match: self.e_tag.clone(),
            ..GetOptions::default()
        };
        let found = self.bucket.get_opts(&self.path, options).await;
        let piece = found.map_err(|error| unavailable(SERVICE, &error))?.bytes().await;
        Ok(piece.map_err(|error| unavailable(SERVICE, &error))?.into())
    }
}
