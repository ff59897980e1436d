use std::sync::Arc;

use domain::ports::{Consents, Suppressions};

use super::{CallingPoliciesHarness, OutboundDirectoryHarness};

/// What the suites of [`Suppressions`] and [`Consents`] need: the two ports, and the facts of the next
/// decision and the audit of the same store.
pub trait CalleeRecordsHarness: OutboundDirectoryHarness + CallingPoliciesHarness {
    /// The adapter of [`Suppressions`].
    fn suppressions(&self) -> Arc<dyn Suppressions>;

    /// The adapter of [`Consents`].
    fn consents(&self) -> Arc<dyn Consents>;
}
