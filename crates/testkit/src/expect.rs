//! Checks that several suites share.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use tokio::sync::Barrier;

/// The time within which the ports of a database notice that it is lost.
pub(crate) const LOST_DATABASE_BOUND: Duration = Duration::from_secs(5);
/// The time within which the lock and the cache notice that their store is lost.
pub(crate) const LOST_CACHE_BOUND: Duration = Duration::from_secs(2);

/// The number of concurrent requests in the cases about concurrency.
pub(crate) const CROWD: usize = 50;

/// Requires `PortUnavailable` within `bound`, with none of the private texts in the error.
pub(crate) async fn unavailable_within<T: Debug>(
    bound: Duration,
    call: impl Future<Output = Result<T, PortUnavailable>>,
    private: &[&str],
) {
    let Ok(answer) = tokio::time::timeout(bound, call).await else {
        panic!("a lost store was not noticed within {bound:?}");
    };
    let error = answer.expect_err("the store is lost, so there is no result");
    shows_none_of(&format!("{error} {error:?}"), private);
}

/// Demands that a text quotes none of these.
pub(crate) fn shows_none_of(shown: &str, private: &[&str]) {
    for (index, text) in private.iter().enumerate() {
        // The digits of a phone number identify a person without the plus, too.
        let is_quoted = !text.is_empty() && shown.contains(text.trim_start_matches('+'));
        assert!(!is_quoted, "private text {index} is quoted");
    }
}

/// Runs the futures at the same time, each on its own task, and returns their results in order.
pub(crate) async fn all_at_once<T, F>(crowd: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let crowd: Vec<F> = crowd.into_iter().collect();
    let start = Arc::new(Barrier::new(crowd.len()));
    let tasks = crowd.into_iter().map(|member| {
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            member.await
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("no member of the crowd panics"));
    }
    answers
}
