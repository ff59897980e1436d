//! The clock and the random numbers of the operating system.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use domain::ports::{Clock, Identifiers};
use domain::{
    CallId, ConsentId, ContactId, OwnerToken, SuppressionId, Timestamp, VendorSecret, WebhookEndpointId,
    WebhookSecret,
};

pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// The time since the host booted.
    #[cfg(target_os = "linux")]
    fn monotonic(&self) -> Duration {
        // Unlike `Instant`, this clock counts the time in which the host was suspended. Locks and
        // reservations expire meanwhile.
        let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::try_from(since_boot).expect("the time since boot is not negative")
    }

    /// The time since the first call.
    #[cfg(not(target_os = "linux"))]
    fn monotonic(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

pub(crate) struct RandomIdentifiers;

impl Identifiers for RandomIdentifiers {
    fn call_id(&self) -> CallId {
        CallId::mint(unix_secs(), random())
    }

    fn contact_id(&self) -> ContactId {
        ContactId::mint(unix_secs(), random())
    }

    fn suppression_id(&self) -> SuppressionId {
        SuppressionId::mint(unix_secs(), random())
    }

    fn consent_id(&self) -> ConsentId {
        ConsentId::mint(unix_secs(), random())
    }

    fn owner_token(&self) -> OwnerToken {
        OwnerToken::mint(random())
    }

    fn webhook_endpoint_id(&self) -> WebhookEndpointId {
        WebhookEndpointId::mint(unix_secs(), random())
    }

    fn webhook_secret(&self) -> WebhookSecret {
        WebhookSecret::mint(random())
    }

    fn tool_secret(&self) -> VendorSecret {
        VendorSecret::mint(random())
    }
}

fn unix_secs() -> u32 {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    u32::try_from(secs).unwrap_or(u32::MAX)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has a random generator");
    bytes
}

/// A secret of 256 random bits, as 64 hex digits.
pub(crate) fn random_secret() -> String {
    random::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}
