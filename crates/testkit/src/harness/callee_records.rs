use std::sync::Arc;

use domain::ports::Consents;

use super::OutboundDirectoryHarness;

/// What the suites of [`Suppressions`](domain::ports::Suppressions) and [`Consents`] need: the two ports,
/// and the facts of the next decision and the audit of the same store.
pub trait CalleeRecordsHarness: OutboundDirectoryHarness {
    /// The adapter of [`Consents`].
    fn consents(&self) -> Arc<dyn Consents>;
}
