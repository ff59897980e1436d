//! Reads the document of a JSON Web Key Set: the public keys of the tokens' issuer, from a URL or a
//! file. What the document means is the matter of the HTTP adapter.

use std::path::PathBuf;
use std::time::Duration;

use domain::ports::PortUnavailable;
use provider_client::{ApiKey, MAX_CONNECT_TIMEOUT, ProviderClient, RequestFailure};
use tokio::io::AsyncReadExt as _;
use url::Url;

pub use provider_client::InvalidSettings;

/// The longest document that is read; those of large issuers have at most some 20 KiB.
pub const MAX_KEY_SET_BYTES: usize = 256 << 10;

/// The time limit of a request. Requests of clients may wait for it.
const RESPONSE_WITHIN: Duration = Duration::from_secs(4);
const SERVICE: &str = "key set";

/// Where a key set is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySetLocation {
    /// A file. To replace it, rename another file to its name.
    File(PathBuf),
    /// An `http` or `https` URL. Whoever can change a response over plain `http` can sign tokens.
    Url(Url),
}

/// Reads a key set. It keeps nothing of it.
#[derive(Debug)]
pub struct KeySetReader(Source);

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url { client: Box<ProviderClient>, url: Url },
}

impl KeySetReader {
    /// Checks the location. Reads nothing.
    pub fn new(location: KeySetLocation) -> Result<Self, InvalidSettings> {
        Ok(Self(match location {
            KeySetLocation::File(path) => Source::File(path),
            KeySetLocation::Url(url) => {
                let mut root = url.clone();
                root.set_path("");
                root.set_query(None);
                root.set_fragment(None);
                let client = ProviderClient::new(&root, ApiKey::Absent, MAX_CONNECT_TIMEOUT)?;
                Source::Url { client: Box::new(client), url }
            }
        }))
    }

    /// Reads the document: at most [`MAX_KEY_SET_BYTES`]. A redirect is an error, because its target
    /// is not the configured one.
    pub async fn read(&self) -> Result<Vec<u8>, PortUnavailable> {
        match &self.0 {
            Source::File(path) => {
                let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
                let mut document = Vec::new();
                let limit = MAX_KEY_SET_BYTES as u64 + 1;
                file.take(limit).read_to_end(&mut document).await.map_err(unreadable)?;
                if document.len() > MAX_KEY_SET_BYTES {
                    return Err(PortUnavailable::new(SERVICE, "the file is larger than 256 KiB"));
                }
                Ok(document)
            }
            Source::Url { client, url } => {
                let response = client.get(url, RESPONSE_WITHIN, MAX_KEY_SET_BYTES).await;
                let response = response.map_err(|failure| match failure {
                    RequestFailure::ResponseTooLong => {
                        PortUnavailable::new(SERVICE, "the document is larger than 256 KiB")
                    }
                    failure => PortUnavailable::new(SERVICE, failure.to_string()),
                })?;
                match response.status {
                    200 => Ok(response.body),
                    status => {
                        Err(PortUnavailable::new(SERVICE, format!("the response has HTTP status {status}")))
                    }
                }
            }
        }
    }
}

fn unreadable(error: std::io::Error) -> PortUnavailable {
    PortUnavailable::new(SERVICE, format!("the file cannot be read: {}", error.kind()))
}
