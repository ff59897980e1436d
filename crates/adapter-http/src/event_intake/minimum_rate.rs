use std::time::Duration;

/// 16 KiB a second. The provider sends an event in milliseconds, and the largest one is refused
/// anyway at less than 546 KiB a second, because it must be complete within 30 s.
const MIN_BYTES_PER_SEC: u32 = 16 * 1024;

/// How long a sender may still keep its receiver waiting. Waiting uses the time up, and each byte
/// gives `1 / MIN_BYTES_PER_SEC` of a second back. The time never exceeds the stall that is allowed: a
/// sender cannot send quickly first and stall for longer later.
pub(super) struct MinimumRate {
    stall: Duration,
    left: Duration,
}

impl MinimumRate {
    /// Allows a sender to send nothing for `stall`: a packet may be lost and sent again.
    pub(super) const fn new(stall: Duration) -> Self {
        Self { stall, left: stall }
    }

    /// How long the next bytes may take.
    pub(super) const fn longest_wait(&self) -> Duration {
        self.left
    }

    /// Counts bytes that took this long.
    pub(super) fn received(&mut self, bytes: usize, waited: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(bytes.into()) / MIN_BYTES_PER_SEC;
        self.left = (self.left.saturating_sub(waited) + earned).min(self.stall);
    }
}

#[cfg(test)]
mod tests;
