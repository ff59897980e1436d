use std::borrow::Cow;

/// A port could not do its work: its store or service is unreachable, slow, refuses the request, or
/// holds data that cannot be read. The operation may or may not have been done.
///
/// The reason is for an operator's log, so it MUST NOT quote data: no phone number, name, key,
/// token or column value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} is unavailable: {reason}")]
pub struct PortUnavailable {
    service: &'static str,
    reason: Cow<'static, str>,
}

impl PortUnavailable {
    /// `service` is the part that failed (`postgres`, `redis`, ...); `reason` says why, without
    /// data.
    #[must_use]
    pub fn new(service: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { service, reason: reason.into() }
    }

    /// The part that failed.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        self.service
    }
}
