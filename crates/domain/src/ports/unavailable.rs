use std::borrow::Cow;

/// A port could not do its work: its store or service is away, slow, refuses, or holds something that cannot be read.
/// Whatever was asked may or may not have been done.
///
/// The reason is for an operator's log, so it MUST NOT quote data: no phone number, name, key, token or value of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} is unavailable: {reason}")]
pub struct PortUnavailable {
    service: &'static str,
    reason: Cow<'static, str>,
}

impl PortUnavailable {
    /// Says which service failed (`postgres`, `redis`, ...) and why, in words free of data.
    #[must_use]
    pub fn new(service: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { service, reason: reason.into() }
    }

    /// The service that failed.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        self.service
    }
}
