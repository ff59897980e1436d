use domain::ports::PortUnavailable;
use metrics::Counter;

use super::Registry;
use super::table::Metric;

/// Counts how one operation of a store fails.
pub(super) struct Operation {
    failed: Counter,
    cancelled: Counter,
}

impl Operation {
    pub(super) fn new(registry: &Registry, metric: &Metric, name: &'static str) -> Self {
        let result = |result| registry.counter(metric, &[name, result]);
        Self { failed: result("failed"), cancelled: result("cancelled") }
    }

    /// The result of the operation. If a deadline drops it before it has one, it counts as cancelled: a
    /// store that hangs returns no error.
    pub(super) async fn measure<T>(
        &self,
        operation: impl Future<Output = Result<T, PortUnavailable>>,
    ) -> Result<T, PortUnavailable> {
        let unfinished = Unfinished(&self.cancelled);
        let result = operation.await;
        std::mem::forget(unfinished);
        self.count(result)
    }

    /// The same for an operation that is also dropped while its store works.
    pub(super) fn count<T>(&self, result: Result<T, PortUnavailable>) -> Result<T, PortUnavailable> {
        result.inspect_err(|_| self.failed.increment(1))
    }
}

struct Unfinished<'a>(&'a Counter);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.increment(1);
    }
}
