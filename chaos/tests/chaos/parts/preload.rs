//! Two libraries that the dynamic linker loads into a process: `libfaketime` moves its wall clock,
//! and `full_disk.c` fills its disk.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const FULL_DISK: &str = include_str!("preload/full_disk.c");

#[derive(Debug, Clone)]
pub(crate) struct Preload {
    folder: PathBuf,
    libraries: String,
}

impl Preload {
    /// Puts the libraries and the files that control them below `folder`, which every user must be
    /// able to enter: where a library cannot be read, the linker ignores it.
    pub(crate) fn prepare(folder: &Path) -> Result<Self> {
        let folder = folder.join("preload");
        fs::create_dir(&folder)?;
        let folder = folder.canonicalize()?;
        let faketime = folder.join("libfaketime.so");
        fs::copy(testkit::services::faketime_library(), &faketime)?;
        let source = folder.join("full_disk.c");
        let full_disk = folder.join("full_disk.so");
        fs::write(&source, FULL_DISK)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).args([&full_disk, &source]);
        let status = compiler.arg("-ldl").status().context("starting the C compiler `cc`")?;
        ensure!(status.success(), "`cc` could not compile full_disk.c: {status}");
        let (faketime, full_disk) = (text(faketime.as_os_str())?, text(full_disk.as_os_str())?);
        // Debian's Redis allocates with jemalloc, which reads the clock while it starts, and then
        // waits for itself, because libfaketime allocates. The allocator of the libc does not.
        Ok(Self { libraries: format!("{faketime}:{full_disk}:libc.so.6"), folder })
    }

    /// A wall clock. Processes that get the same one are on the same host.
    pub(crate) fn clock(&self, name: &str) -> Result<Clock> {
        let clock = Clock { file: self.folder.join(format!("{name}.clock")) };
        clock.set(0)?;
        Ok(clock)
    }

    /// The disk that holds `folder`.
    pub(crate) fn disk(&self, folder: &Path) -> Result<Disk> {
        let folder = folder.canonicalize()?;
        let name = folder.file_name().context("a folder has a name")?;
        Ok(Disk { flag: self.folder.join(name).with_extension("full"), folder })
    }

    /// What a process needs in its environment to use this clock and this disk.
    pub(crate) fn environment(&self, clock: &Clock, disk: Option<&Disk>) -> Vec<(String, String)> {
        let shown = |path: &Path| path.display().to_string();
        let mut variables = vec![
            ("LD_PRELOAD", self.libraries.clone()),
            ("FAKETIME_TIMESTAMP_FILE", shown(&clock.file)),
            // All processes read the file again in the next second of the real clock, so that they
            // see a step together.
            ("FAKETIME_CACHE_DURATION", "0".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        if let Some(disk) = disk {
            variables.push(("FULL_DISK_FOLDER", shown(&disk.folder)));
            variables.push(("FULL_DISK_FLAG", shown(&disk.flag)));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The wall clock of some processes. The clocks that cannot be set (`CLOCK_MONOTONIC`,
/// `CLOCK_BOOTTIME`) do not follow it.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    file: PathBuf,
}

impl Clock {
    /// Sets the clock forward, or back if `seconds` is negative. The processes see the step within a
    /// second.
    pub(crate) fn step(&self, seconds: i64) -> Result<()> {
        let offset: i64 = fs::read_to_string(&self.file)?.trim().parse()?;
        self.set(offset + seconds)
    }

    fn set(&self, offset: i64) -> Result<()> {
        // A process must not read half of the file.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{offset:+}\n"))?;
        fs::rename(&next, &self.file)?;
        Ok(())
    }
}

/// The disk below one folder, as some processes see it.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    flag: PathBuf,
}

impl Disk {
    /// From now on every write to a file below the folder fails with ENOSPC.
    pub(crate) fn fill(&self) -> Result<()> {
        Ok(fs::write(&self.flag, "")?)
    }

    pub(crate) fn free(&self) -> Result<()> {
        match fs::remove_file(&self.flag) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn text(path: &OsStr) -> Result<&str> {
    let text = path.to_str().context("the folder is valid UTF-8")?;
    ensure!(!text.contains([':', ' ']), "the linker separates libraries at `:` and ` `: {text}");
    Ok(text)
}
