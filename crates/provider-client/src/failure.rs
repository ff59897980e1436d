use std::error::Error;
use std::io;

/// Why a request has no response, by what the caller may do next.
///
/// `cause` is the innermost error: the text of the operating system, the resolver, TLS or HTTP
/// parsing. It can name the provider's host, but has no path and no part of a request or a
/// response.
#[derive(Debug, thiserror::Error)]
pub enum RequestFailure {
    /// No connection was made, so the request was not sent. Sending it again is safe.
    #[error("no connection was made")]
    NotConnected { cause: String },
    /// The time limit of the request passed. The provider may have received the request.
    #[error("no response came in time")]
    TimedOut { cause: String },
    /// The connection broke, or what came over it is not HTTP. The provider may have received the
    /// request.
    #[error("the connection was lost, or the response is not HTTP")]
    ConnectionLost { cause: String },
    /// The provider received the request, but its response is too long to be read.
    #[error("the response is too long")]
    ResponseTooLong,
}

impl RequestFailure {
    pub fn cause(&self) -> &str {
        match self {
            Self::NotConnected { cause } | Self::TimedOut { cause } | Self::ConnectionLost { cause } => cause,
            Self::ResponseTooLong => "the response is too long",
        }
    }

    pub(crate) fn out_of_time() -> Self {
        Self::TimedOut { cause: "the time limit of the request passed".to_owned() }
    }

    pub(crate) fn not_connected(error: &(dyn Error + 'static)) -> Self {
        Self::NotConnected { cause: root_cause(error) }
    }

    /// A failure on a connection that was made.
    pub(crate) fn connection_failed(error: &(dyn Error + 'static)) -> Self {
        let cause = root_cause(error);
        // The operating system reports a timeout if the peer's host acknowledges nothing.
        let is_timeout = |error: &(dyn Error + 'static)| {
            error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        };
        if sources(error).any(is_timeout) { Self::TimedOut { cause } } else { Self::ConnectionLost { cause } }
    }
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    sources(error).last().unwrap_or(error).to_string()
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
