use std::time::Duration;

/// How long a sender may still keep its receiver waiting. Waiting uses the time up, and each byte
/// gives `1 / bytes_per_sec` of a second back. The time never exceeds the stall that is allowed: a
/// sender cannot send quickly first and stall for longer later.
pub(super) struct MinimumRate {
    bytes_per_sec: u32,
    stall: Duration,
    left: Duration,
}

impl MinimumRate {
    /// Allows a sender to send nothing for `stall`: a packet may be lost and sent again.
    pub(super) const fn new(bytes_per_sec: u32, stall: Duration) -> Self {
        Self { bytes_per_sec, stall, left: stall }
    }

    /// How long the next bytes may take.
    pub(super) const fn longest_wait(&self) -> Duration {
        self.left
    }

    /// Counts bytes that took this long.
    pub(super) fn received(&mut self, bytes: usize, waited: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(bytes.into()) / self.bytes_per_sec;
        self.left = (self.left.saturating_sub(waited) + earned).min(self.stall);
    }
}

#[cfg(test)]
mod tests;
