use std::io;
use std::path::PathBuf;

use object_store::path::Path;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Where recordings are stored.
#[derive(Debug, Clone)]
pub enum RecordingsSettings {
    /// Files in this folder. If the gateway creates the folder, only the gateway's user has access.
    Folder(PathBuf),
    /// Objects in a bucket.
    S3(S3Settings),
}

/// A bucket of Amazon S3 or of an S3-compatible service. The access key needs the permissions
/// `s3:PutObject`, `s3:AbortMultipartUpload`, `s3:GetObject` and `s3:ListBucket`. Without the last one, S3 replies 403 instead
/// of 404 for an absent object.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// The bucket's name: 3 to 63 lower-case letters, digits, `-` and `.`.
    pub bucket: String,
    /// A path that precedes every object name; may be empty.
    pub prefix: String,
    /// The region, such as `eu-central-1`. It is part of every signature.
    pub region: String,
    /// Scheme, host and port of a service other than Amazon's.
    pub endpoint: Option<Url>,
    /// Whether URLs have the bucket in the path instead of the host name. Most services other than
    /// Amazon's require it.
    pub path_style: bool,
    /// Whether an endpoint without TLS is accepted.
    pub allow_http: bool,
    /// The public half of the access key. Links contain it.
    pub access_key_id: String,
    /// The secret half of the access key.
    pub secret_access_key: SecretString,
}

/// A setting for recordings is invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    #[error("the folder for recordings cannot be created or opened: {0}")]
    Folder(io::ErrorKind),
    #[error("the bucket's name must have 3 to 63 lower-case letters, digits, '-' and '.'")]
    Bucket,
    #[error("the prefix for recordings must not have empty, relative or unprintable parts")]
    Prefix,
    #[error("the bucket's region must have only lower-case letters, digits and '-'")]
    Region,
    #[error("the bucket's endpoint must be an http or https URL with only a host and an optional port")]
    Endpoint,
    #[error("the bucket's endpoint is http: use https, or allow http explicitly")]
    PlainHttp,
    #[error("the bucket's access key must not be empty or have spaces or non-ASCII characters")]
    Key,
    /// The HTTP client cannot be built. HTTPS needs CA certificates on the machine.
    #[error(
        "no HTTPS client for the bucket: install CA certificates (ca-certificates), or set SSL_CERT_FILE to a file with them"
    )]
    HttpClient,
}

impl S3Settings {
    /// Checks bucket, region, access key and prefix; returns the prefix.
    pub(crate) fn checked_prefix(&self) -> Result<Path, InvalidSettings> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = self.bucket.bytes().all(|b| plain(b) || b == b'.');
        if !(3..=63).contains(&self.bucket.len()) || !valid || self.bucket.starts_with(['.', '-']) {
            return Err(InvalidSettings::Bucket);
        }
        if self.region.is_empty() || !self.region.bytes().all(plain) {
            return Err(InvalidSettings::Region);
        }
        for half in [self.access_key_id.as_str(), self.secret_access_key.expose_secret()] {
            if half.is_empty() || !half.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(InvalidSettings::Key);
            }
        }
        Path::parse(&self.prefix).map_err(|_| InvalidSettings::Prefix)
    }

    /// Checks the endpoint. Returns the form that the client expects: with the bucket in the host
    /// name unless `path_style` is set.
    pub(crate) fn checked_endpoint(&self) -> Result<Option<String>, InvalidSettings> {
        let Some(endpoint) = &self.endpoint else { return Ok(None) };
        let bare = endpoint.username().is_empty()
            && endpoint.password().is_none()
            && endpoint.path() == "/"
            && endpoint.query().is_none()
            && endpoint.fragment().is_none();
        let (Some(host), true) = (endpoint.host_str(), bare) else { return Err(InvalidSettings::Endpoint) };
        match endpoint.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => return Err(InvalidSettings::PlainHttp),
            _ => return Err(InvalidSettings::Endpoint),
        }
        let mut endpoint = endpoint.clone();
        if !self.path_style {
            let host = format!("{}.{host}", self.bucket);
            endpoint.set_host(Some(&host)).map_err(|_| InvalidSettings::Endpoint)?;
        }
        Ok(Some(endpoint.as_str().trim_end_matches('/').to_owned()))
    }
}

#[cfg(test)]
mod tests;
