//! Error texts: only the kind of failure. What the store or its client reports may contain names,
//! links and paths.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::time::Duration;

use domain::ports::PortUnavailable;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

pub(crate) async fn within<T>(
    timeout: Duration,
    service: &'static str,
    operation: impl Future<Output = Result<T, PortUnavailable>>,
) -> Result<T, PortUnavailable> {
    tokio::time::timeout(timeout, operation)
        .await
        .unwrap_or_else(|_| Err(PortUnavailable::new(service, "the operation timed out")))
}

/// Describes an error without quoting it.
pub(crate) fn unavailable(service: &'static str, error: &Error) -> PortUnavailable {
    unavailable_or(service, error, "the store returned an error")
}

/// The same with another text for a failure without a known kind.
pub(crate) fn unavailable_or(
    service: &'static str,
    error: &Error,
    otherwise: &'static str,
) -> PortUnavailable {
    let reason = match error {
        Error::NotFound { .. } => {
            "the bucket or the folder does not exist: create it, or check OUTDIAL_RECORDINGS_URL".into()
        }
        Error::PermissionDenied { .. } => {
            "the store does not permit the operation: permit it to the access key, or to this user".into()
        }
        Error::Unauthenticated { .. } => {
            "the store rejects the access key: check OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID and its secret"
                .into()
        }
        other => innermost_kind(other).unwrap_or_else(|| otherwise.to_owned()),
    };
    PortUnavailable::new(service, reason)
}

/// Names the innermost cause with a known kind.
fn innermost_kind(error: &Error) -> Option<String> {
    let mut kind = None;
    let mut current = error.source();
    while let Some(error) = current {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = Some(error.kind().to_string());
        } else if let Some(error) = error.downcast_ref::<HttpError>() {
            kind = Some(http_kind(error.kind()).to_owned());
        }
        current = error.source();
    }
    kind
}

fn http_kind(kind: HttpErrorKind) -> &'static str {
    match kind {
        HttpErrorKind::Connect => "could not connect",
        HttpErrorKind::Request => "the request could not be sent",
        HttpErrorKind::Timeout => "the response did not arrive in time",
        HttpErrorKind::Interrupted => "the connection was lost",
        HttpErrorKind::Decode => "the response cannot be decoded",
        _ => "the HTTP request failed",
    }
}

#[cfg(test)]
mod tests;
