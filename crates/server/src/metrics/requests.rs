use adapter_http::RequestWatch;

use super::Metrics;
use super::table::REQUESTS;

/// Counts HTTP requests. A route and a code are of the gateway's own tables, never a client's text.
pub(crate) struct RequestCounts(Metrics);

impl RequestCounts {
    pub(crate) fn new(metrics: Metrics) -> Self {
        metrics.registry().describe(&REQUESTS);
        Self(metrics)
    }
}

impl RequestWatch for RequestCounts {
    fn ended(&self, route: &str, result: &'static str) {
        self.0.registry().counter_of(&REQUESTS, [route.to_owned().into(), result.into()]).increment(1);
    }
}
