//! The stores of a run, which fail on request.

pub(crate) mod check;
pub(crate) mod postgres;
pub(crate) mod preload;
pub(crate) mod process;
pub(crate) mod redis;

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "outdial-chaos.";

/// A folder for one run, which every user can enter: Postgres may run as another one.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    remove_stale()?;
    let folder = TempDir::with_prefix(format!("{PREFIX}{}.", std::process::id()))?;
    set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    Ok(folder)
}

/// Removes what runs left that were killed. The name of a folder has the id of its process.
fn remove_stale() -> anyhow::Result<()> {
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let entry = entry?;
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            // It may belong to another user.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
