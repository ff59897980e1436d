//! Where recordings are to lie.

use std::io;
use std::path::PathBuf;

use object_store::path::Path;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Where recordings are to lie.
#[derive(Debug, Clone)]
pub enum RecordingsSettings {
    /// As files in this folder, which this process alone may read if it is the one that makes it.
    Folder(PathBuf),
    /// As objects in a bucket.
    S3(S3Settings),
}

/// A bucket of Amazon S3, or of anything else that speaks its protocol. Its key needs `s3:PutObject`, `s3:GetObject`, and
/// `s3:ListBucket`, without which a bucket does not say that an object is absent.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// The bucket's name: 3 to 63 small letters, digits, `-` and `.`.
    pub bucket: String,
    /// Before every name, as a folder would stand there; may be empty.
    pub prefix: String,
    /// The region, such as `eu-central-1`. It is part of every signature.
    pub region: String,
    /// Where the service is, if it is not Amazon's: scheme, host and port.
    pub endpoint: Option<Url>,
    /// The bucket stands in the path and not in the host's name, as most services other than Amazon's want it.
    pub path_style: bool,
    /// Takes an endpoint without TLS.
    pub allow_http: bool,
    /// The key's public half. Links show it.
    pub access_key_id: String,
    /// The key's secret half.
    pub secret_access_key: SecretString,
}

/// Why recordings cannot be kept so.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// The folder cannot be made, or is none.
    #[error("the folder for recordings cannot be made or opened: {0}")]
    Folder(io::ErrorKind),
    /// No bucket has such a name.
    #[error("the bucket's name is not 3 to 63 small letters, digits, '-' and '.'")]
    Bucket,
    /// The prefix is no path.
    #[error("the prefix for recordings has empty, relative or unprintable parts")]
    Prefix,
    /// No region has such a name.
    #[error("the bucket's region is not small letters, digits and '-'")]
    Region,
    /// The endpoint is not the root of a service.
    #[error("the bucket's endpoint is not http or https with a host and nothing but a port")]
    Endpoint,
    /// The endpoint has no TLS.
    #[error("the bucket's endpoint is http, which is not allowed unless it is asked for")]
    PlainHttp,
    /// The key cannot sign.
    #[error("the bucket's key is empty, or has spaces or characters outside ASCII")]
    Key,
    /// The HTTP client cannot be made. On a machine without CA certificates there is no `https`.
    #[error(
        "no HTTPS client for the bucket: are CA certificates installed (ca-certificates, or a file named by SSL_CERT_FILE)?"
    )]
    HttpClient,
}

impl S3Settings {
    /// The prefix, if bucket, region, key and prefix can be right.
    pub(crate) fn checked_prefix(&self) -> Result<Path, InvalidSettings> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let named = self.bucket.bytes().all(|b| plain(b) || b == b'.');
        if !(3..=63).contains(&self.bucket.len()) || !named || self.bucket.starts_with(['.', '-']) {
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

    /// The endpoint as the client wants it, with the bucket in the host's name where that is its place.
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
mod tests {
    use super::*;

    fn settings() -> S3Settings {
        S3Settings {
            bucket: "calls.example".to_owned(),
            prefix: "recordings/calls".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: None,
            path_style: true,
            allow_http: false,
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "s3cret".into(),
        }
    }

    #[test]
    fn good_settings_pass_and_do_not_show_their_secret() {
        assert_eq!(settings().checked_prefix().expect("good").as_ref(), "recordings/calls");
        let bare = S3Settings { prefix: String::new(), ..settings() };
        assert_eq!(bare.checked_prefix().expect("good"), Path::ROOT);
        assert!(!format!("{:?}", RecordingsSettings::S3(settings())).contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_right_is_refused_by_name() {
        for bucket in ["", "ab", "Bucket", "a/b/c", "a?b", ".abc", "bücher"] {
            let refused = S3Settings { bucket: bucket.to_owned(), ..settings() }.checked_prefix();
            assert!(matches!(refused, Err(InvalidSettings::Bucket)), "{bucket}");
        }
        for prefix in ["a//b", "../b", "a/./b", "a\nb"] {
            let refused = S3Settings { prefix: prefix.to_owned(), ..settings() }.checked_prefix();
            assert!(matches!(refused, Err(InvalidSettings::Prefix)), "{prefix}");
        }
        for region in ["", "eu central", "eu/central"] {
            let refused = S3Settings { region: region.to_owned(), ..settings() }.checked_prefix();
            assert!(matches!(refused, Err(InvalidSettings::Region)), "{region}");
        }
        for key in ["", "a b", "key\n"] {
            let refused = S3Settings { access_key_id: key.to_owned(), ..settings() }.checked_prefix();
            assert!(matches!(refused, Err(InvalidSettings::Key)), "{key:?}");
            let refused = S3Settings { secret_access_key: key.into(), ..settings() }.checked_prefix();
            assert!(matches!(refused, Err(InvalidSettings::Key)), "{key:?}");
        }
    }

    #[test]
    fn the_bucket_stands_in_the_path_or_in_the_hosts_name() {
        let at = |url: &str, path_style, allow_http| {
            let endpoint = Some(Url::parse(url).expect("a URL"));
            S3Settings { endpoint, path_style, allow_http, ..settings() }.checked_endpoint()
        };
        for (path_style, expected) in
            [(true, "https://s3.example:9000"), (false, "https://calls.example.s3.example:9000")]
        {
            let endpoint = at("https://s3.example:9000", path_style, false).expect("good");
            assert_eq!(endpoint.as_deref(), Some(expected));
        }
        assert_eq!(at("http://minio/", true, true).expect("good").as_deref(), Some("http://minio"));
        assert!(matches!(at("http://minio/", true, false), Err(InvalidSettings::PlainHttp)));
        for url in [
            "ftp://host/",
            "data:text",
            "https://u:p@host/",
            "https://h/path",
            "https://h/?a=1",
            "https://h/#f",
        ] {
            assert!(matches!(at(url, true, true), Err(InvalidSettings::Endpoint)), "{url}");
        }
    }
}
