//! Dials to a raw socket.

use std::time::Duration;

use domain::DialOutcome;
pub(crate) use testkit::peer::Peer;

use crate::dialling::dial;

pub(crate) trait DialThrough {
    async fn dial(&self, answer_within: Duration) -> DialOutcome;
}

impl DialThrough for Peer {
    async fn dial(&self, answer_within: Duration) -> DialOutcome {
        dial(&self.base_url(), answer_within).await
    }
}
