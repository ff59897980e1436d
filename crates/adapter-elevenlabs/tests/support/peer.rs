//! Dials through a provider that is nothing but a socket.

use std::time::Duration;

use domain::DialOutcome;
pub(crate) use testkit::peer::Peer;

use crate::dialling::dial;

/// A dial through whoever this is.
pub(crate) trait DialThrough {
    /// Dials, and holds the dial to its time.
    async fn dial(&self, answer_within: Duration) -> DialOutcome;
}

impl DialThrough for Peer {
    async fn dial(&self, answer_within: Duration) -> DialOutcome {
        dial(&self.base_url(), answer_within).await
    }
}
