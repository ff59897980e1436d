use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::ports::{Backlog, LedgerFigures, PortUnavailable};
use futures_util::FutureExt as _;
use testkit::clock::ManualClock;

use super::operation::Operation;
use super::table::{CALLS, CALLS_UNKNOWN, DATABASE_ERRORS, DIAL_DURATION, METRICS};
use super::{LedgerGauges, Metrics, Registry};

#[test]
fn every_metric_has_a_name_of_its_own_that_says_its_type_and_unit() {
    for (index, metric) in METRICS.iter().enumerate() {
        let name = metric.name;
        assert!(METRICS[index + 1..].iter().all(|other| other.name != name), "{name} is twice in the table");
        assert!(name.starts_with("outdial_"), "{name}");
        assert_eq!(metric.kind.as_str() == "counter", name.ends_with("_total"), "{name}");
        assert_eq!(
            metric.kind.as_str() == "histogram",
            ["duration_seconds", "lag_seconds", "wait_seconds"].iter().any(|end| name.ends_with(end)),
            "{name}"
        );
        assert!(!metric.help.ends_with('.'), "{name}");
        for label in metric.labels {
            assert!(
                !["number", "name", "id", "organization", "user", "contact", "agent"].contains(label),
                "{name}"
            );
        }
    }
}

/// If it fails, it prints the table that belongs into the document.
#[test]
fn the_document_lists_every_metric() {
    let document = include_str!("../../../../docs/metrics.md");
    let rows = METRICS.iter().map(|metric| {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {} | {} | {} |", metric.name, metric.kind.as_str(), labels.join(", "), metric.help)
    });
    let expected: Vec<_> = rows.collect();
    let written: Vec<_> = document.lines().filter(|line| line.starts_with("| `outdial_")).collect();
    assert_eq!(written, expected, "docs/metrics.md must list:\n{}", expected.join("\n"));
}

#[test]
fn two_gateways_in_a_process_have_metrics_of_their_own() {
    let [one, other] = [(); 2].map(|()| Metrics::new(Arc::new(ManualClock::new())));
    one.registry().counter(&CALLS, &["placed", "simulator"]).increment(2);
    other.registry().counter(&CALLS, &["placed", "simulator"]).increment(1);
    let line = |count| format!("outdial_calls_total{{outcome=\"placed\",provider=\"simulator\"}} {count}\n");
    assert!(one.render().contains(&line(2)), "{}", one.render());
    assert!(other.render().contains(&line(1)), "{}", other.render());
}

#[test]
fn a_histogram_has_the_buckets_of_its_metric() {
    let metrics = Metrics::new(Arc::new(ManualClock::new()));
    metrics.registry().histogram(&DIAL_DURATION, &["simulator"]).record(Duration::from_secs(27));
    let text = metrics.render();
    for (bound, count) in [("20", 0), ("30", 1), ("180", 1), ("+Inf", 1)] {
        let line = format!(
            "outdial_dial_duration_seconds_bucket{{provider=\"simulator\",le=\"{bound}\"}} {count}\n"
        );
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

/// A store that hangs returns no error: the deadline of the request drops the operation.
#[test]
fn an_operation_that_is_dropped_counts_as_cancelled_and_not_as_failed() {
    let registry = Registry::new();
    let operation = Operation::new(&registry, &DATABASE_ERRORS, "book");
    let counted = |result| {
        let series = format!("outdial_database_errors_total{{operation=\"book\",result=\"{result}\"}} ");
        let text = registry.render();
        text.lines().find_map(|line| line.strip_prefix(&series)).map(str::to_owned)
    };
    let [zero, one] = ["0", "1"].map(|count| Some(count.to_owned()));
    assert_eq!(operation.measure(ready(Ok(7))).now_or_never(), Some(Ok(7)));
    assert_eq!((counted("failed"), counted("cancelled")), (zero.clone(), zero.clone()));
    assert_eq!(operation.measure(pending::<Result<(), PortUnavailable>>()).now_or_never(), None);
    assert_eq!((counted("failed"), counted("cancelled")), (zero, one.clone()));
    let unavailable = PortUnavailable::new("postgres", "refused");
    let failed = operation.measure(ready(Err::<(), _>(unavailable.clone()))).now_or_never();
    assert_eq!(failed, Some(Err(unavailable)));
    assert_eq!((counted("failed"), counted("cancelled")), (one.clone(), one));
}

#[tokio::test]
async fn the_gauges_of_the_ledger_disappear_with_the_lease() {
    let clock = Arc::new(ManualClock::new());
    let gauges = LedgerGauges::new(clock.clone());
    assert_eq!(gauges.render(), None);
    let booked_at: Timestamp = domain::ports::Clock::now(&*clock).before(Duration::from_secs(90));
    let figures = LedgerFigures {
        unknown: Backlog { pending: 3, oldest: Some(booked_at) },
        ..LedgerFigures::default()
    };
    let until = domain::ports::Clock::monotonic(&*clock) + Duration::from_secs(30);
    gauges.show(&figures, until);
    let text = gauges.render().expect("the lease holds");
    assert!(text.contains(&format!("\n{} 3\n", CALLS_UNKNOWN.name)), "{text}");
    assert!(text.contains("\noutdial_oldest_unknown_seconds 90\n"), "{text}");
    clock.advance(Duration::from_secs(30)).await;
    assert_eq!(gauges.render(), None, "another replica may have the lease by now");
    gauges.show(&figures, until + Duration::from_secs(60));
    assert!(gauges.render().is_some());
    gauges.hide();
    assert_eq!(gauges.render(), None);
}
