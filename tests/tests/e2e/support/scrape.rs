use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::client::http_client;

/// What a gateway served under `/metrics`: the value of each series, by its name and labels.
#[derive(Debug, Clone)]
pub(crate) struct Scrape {
    pub text: String,
    series: BTreeMap<String, f64>,
}

impl Scrape {
    pub(crate) async fn of(address: SocketAddr) -> Self {
        let response = http_client().get(format!("http://{address}/metrics")).send().await;
        let response = response.expect("the gateway serves metrics");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = response.text().await.expect("the metrics are text");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let series = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series.to_owned(), value.parse().expect("a number"))
        });
        let series = series.collect();
        Self { text, series }
    }

    /// The value of a series, like `outdial_calls_live{state="ringing"}`. `None` if it is not served.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// The value of a series that is served.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.get(series).unwrap_or_else(|| panic!("{series} is not in {}", self.text))
    }

    /// The names of all metrics, with their types.
    pub(crate) fn types(&self) -> BTreeMap<&str, &str> {
        let types = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.map(|line| line.split_once(' ').expect("a name and a type")).collect()
    }

    /// The values of all labels.
    pub(crate) fn label_values(&self) -> BTreeSet<&str> {
        self.series.keys().flat_map(|series| series.split('"').skip(1).step_by(2)).collect()
    }
}
