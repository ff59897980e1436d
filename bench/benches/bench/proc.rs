//! What processes use, as `/proc` shows it.

use std::fs;

use anyhow::{Context as _, Result};

/// Of Linux on every architecture: the unit of the times in `/proc/PID/stat`.
const TICKS_PER_SECOND: f64 = 100.0;

/// The seconds of CPU that a process and its children have used, also the children that have ended.
pub(crate) fn cpu_secs(main: u32) -> Result<f64> {
    let of_main = Stat::read(main).with_context(|| format!("process {main} has ended"))?;
    let mut ticks = of_main.own + of_main.of_ended_children;
    for entry in fs::read_dir("/proc")? {
        let id = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        // A process that ends meanwhile is counted by its parent.
        if let Some(stat) = id.and_then(Stat::read).filter(|stat| stat.parent == main) {
            ticks += stat.own + stat.of_ended_children;
        }
    }
    Ok(f64::from(ticks) / TICKS_PER_SECOND)
}

struct Stat {
    parent: u32,
    own: u32,
    of_ended_children: u32,
}

impl Stat {
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may contain any character. The state follows: field 3.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
        Some(Self {
            parent: field(4)?,
            own: field(14)? + field(15)?,
            of_ended_children: field(16)? + field(17)?,
        })
    }
}

/// The memory of a process that is in RAM, in KiB.
pub(crate) fn resident_kib(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The number of cores, and the kernel.
pub(crate) fn machine() -> Result<(usize, String)> {
    let cores = std::thread::available_parallelism()?.get();
    let model = fs::read_to_string("/proc/cpuinfo")?;
    let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let model = model.map_or("unknown CPU", |(_, name)| name);
    Ok((cores, format!("{}, Linux {}", model.trim(), kernel.trim())))
}
