//! What several suites demand in the same words.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use tokio::sync::Barrier;

/// Within how long a lost database has to be noticed: a promise of its ports.
pub(crate) const LOST_DATABASE_BOUND: Duration = Duration::from_secs(5);
/// Within how long a lost lock or cache has to be noticed: a promise of its ports.
pub(crate) const LOST_CACHE_BOUND: Duration = Duration::from_secs(2);

/// How many come at once where the port speaks of many.
pub(crate) const CROWD: usize = 50;

/// Demands `PortUnavailable` within the bound, with none of the private texts in what it shows.
pub(crate) async fn unavailable_within<T: Debug>(
    bound: Duration,
    call: impl Future<Output = Result<T, PortUnavailable>>,
    private: &[&str],
) {
    let Ok(answer) = tokio::time::timeout(bound, call).await else {
        panic!("a lost store was not noticed within {bound:?}");
    };
    let error = answer.expect_err("without its store a port cannot know the answer");
    shows_none_of(&format!("{error} {error:?}"), private);
}

/// Demands that a text quotes none of these.
pub(crate) fn shows_none_of(shown: &str, private: &[&str]) {
    for (place, text) in private.iter().enumerate() {
        // The digits of a phone number are as telling without the plus.
        let told = !text.is_empty() && shown.contains(text.trim_start_matches('+'));
        assert!(!told, "private text number {place} is quoted");
    }
}

/// Runs a crowd of futures at the same moment, each on its own task, and gives their answers in order.
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
