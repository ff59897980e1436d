use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long [`eventually`] waits.
const LIMIT: Duration = Duration::from_secs(30);
/// The pause between two probes.
const PAUSE: Duration = Duration::from_millis(20);

/// What a probe of [`eventually`] returns: a `bool`, or an `Option` with the value that is awaited.
pub trait Probed {
    /// What [`eventually`] returns.
    type Value;

    /// The awaited value, or `None` if the probe must be repeated.
    fn into_value(self) -> Option<Self::Value>;
}

impl Probed for bool {
    type Value = ();

    fn into_value(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Probed for Option<T> {
    type Value = T;

    fn into_value(self) -> Self {
        self
    }
}

/// Repeats `probe` until it returns `true` or `Some`, and returns the value. Waits up to 30 s.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut probes = 0;
/// let third = testkit::eventually("the third probe succeeds", async || {
///     probes += 1;
///     (probes == 3).then_some(probes)
/// });
/// assert_eq!(third.await, 3);
/// # });
/// ```
///
/// # Panics
/// If `probe` does not succeed in time. The message contains `description`: what should have
/// happened.
pub async fn eventually<P: Probed>(description: &str, probe: impl AsyncFnMut() -> P) -> P::Value {
    eventually_within(LIMIT, description, probe).await
}

/// [`eventually`] with a limit of its own. A probe that does not return counts against the limit
/// too.
///
/// # Panics
/// If `probe` does not succeed within `limit`.
pub async fn eventually_within<P: Probed>(
    limit: Duration,
    description: &str,
    mut probe: impl AsyncFnMut() -> P,
) -> P::Value {
    let polling = async {
        loop {
            if let Some(value) = probe().await.into_value() {
                return value;
            }
            sleep(PAUSE).await;
        }
    };
    match timeout(limit, polling).await {
        Ok(value) => value,
        Err(_) => panic!("did not happen within {limit:?}: {description}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_probe_is_repeated_until_it_succeeds() {
        let mut probes = 0;
        eventually("the fifth probe succeeds", async || {
            probes += 1;
            probes == 5
        })
        .await;
        assert_eq!(probes, 5);
        assert_eq!(eventually("there is a value", async || Some("value")).await, "value");
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "did not happen within 30s: the impossible")]
    async fn what_never_happens_panics_with_its_description() {
        eventually("the impossible", async || false).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "did not happen within 2s: a return")]
    async fn a_probe_that_hangs_ends_with_the_limit() {
        eventually_within(Duration::from_secs(2), "a return", async || std::future::pending::<bool>().await)
            .await;
    }
}
