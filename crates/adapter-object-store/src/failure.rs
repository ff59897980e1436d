//! What is said when the store fails: the kind of failure, and nothing that the store or its client said. That would hold
//! names, links and paths.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::time::Duration;

use domain::ports::PortUnavailable;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// Runs an operation of a store, for so long at most.
pub(crate) async fn within<T>(
    limit: Duration,
    service: &'static str,
    operation: impl Future<Output = Result<T, PortUnavailable>>,
) -> Result<T, PortUnavailable> {
    tokio::time::timeout(limit, operation)
        .await
        .unwrap_or_else(|_| Err(PortUnavailable::new(service, "it took too long")))
}

/// An error without what it quotes.
pub(crate) fn unavailable(service: &'static str, error: &Error) -> PortUnavailable {
    let reason = match error {
        Error::NotFound { .. } => "it says that there is no such bucket or folder".into(),
        Error::PermissionDenied { .. } => "it does not permit this".into(),
        Error::Unauthenticated { .. } => "it does not take the key".into(),
        other => below(other),
    };
    PortUnavailable::new(service, reason)
}

/// The innermost kind of failure that is known by name.
fn below(error: &Error) -> String {
    let mut kind = None;
    let mut current = error.source();
    while let Some(error) = current {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = Some(error.kind().to_string());
        } else if let Some(error) = error.downcast_ref::<HttpError>() {
            kind = Some(http(error.kind()).to_owned());
        }
        current = error.source();
    }
    kind.unwrap_or_else(|| "it answers with an error".to_owned())
}

fn http(kind: HttpErrorKind) -> &'static str {
    match kind {
        HttpErrorKind::Connect => "no connection",
        HttpErrorKind::Request => "the request could not be sent",
        HttpErrorKind::Timeout => "no answer in time",
        HttpErrorKind::Interrupted => "the connection broke",
        HttpErrorKind::Decode => "its answer cannot be read",
        _ => "the exchange failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_kind_it_is_and_quotes_nothing() {
        let source = || Box::new(io::Error::new(io::ErrorKind::StorageFull, "at /srv/call_1.mp3"));
        let path = "calls/call_1.mp3".to_owned();
        for (error, reason) in [
            (Error::NotFound { path: path.clone(), source: source() }, "no such bucket or folder"),
            (Error::PermissionDenied { path: path.clone(), source: source() }, "does not permit"),
            (Error::Unauthenticated { path, source: source() }, "does not take the key"),
            (Error::Generic { store: "S3", source: source() }, &io::ErrorKind::StorageFull.to_string()),
            (Error::Generic { store: "S3", source: "at call_1.mp3".into() }, "answers with an error"),
        ] {
            let shown = unavailable("recordings", &error).to_string();
            assert!(shown.contains(reason), "{shown}");
            assert!(!shown.contains("call_1"), "{shown}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_given_up() {
        let limit = Duration::from_secs(10);
        let given_up = within(limit, "recordings", std::future::pending::<Result<(), _>>()).await;
        assert!(given_up.expect_err("it never ends").to_string().contains("too long"));
    }
}
