use std::time::SystemTime;

use domain::Timestamp;

/// The time by the host's wall clock, which contexts and the leases of work use.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// The time by both clocks of the host, which locks and reservations use: they must not end early
/// because the wall clock was set.
///
/// A row has its end by the wall clock, the boot in which it was written, and its `boot_offset`:
/// how far the wall clock was ahead of the time since that boot. Within one boot, a row is past its
/// end if `end <= since_boot + boot_offset`. A row of another boot, or of a release that did not
/// write these columns, is judged by the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostTime {
    pub(crate) wall: Timestamp,
    /// Milliseconds, which include the time in which the host was suspended.
    pub(crate) since_boot: i64,
    /// `None` if the host does not identify its boots: then the wall clock judges every row.
    pub(crate) boot_id: Option<&'static str>,
}

impl HostTime {
    pub(crate) fn now() -> Self {
        let (since_boot, boot_id) = boot::now();
        Self { wall: now(), since_boot, boot_id }
    }

    pub(crate) fn wall_millis(self) -> i64 {
        self.wall.unix_millis()
    }

    /// What to write as `boot_offset` beside an end by the wall clock.
    pub(crate) fn boot_offset(self) -> i64 {
        self.wall_millis() - self.since_boot
    }
}

#[cfg(target_os = "linux")]
mod boot {
    use std::sync::LazyLock;

    use rustix::time::{ClockId, clock_gettime};

    /// The boot of the kernel and the time namespace, in which the time since boot can be shifted.
    static ID: LazyLock<Option<String>> = LazyLock::new(|| {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = std::fs::read_link("/proc/self/ns/time").unwrap_or_default();
        Some(format!("{} {}", boot.trim(), namespace.display()))
    });

    pub(super) fn now() -> (i64, Option<&'static str>) {
        let since_boot = clock_gettime(ClockId::Boottime);
        (since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1_000_000, ID.as_deref())
    }
}

#[cfg(not(target_os = "linux"))]
mod boot {
    pub(super) const fn now() -> (i64, Option<&'static str>) {
        (0, None)
    }
}
