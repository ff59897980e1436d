//! The stores of a run, which fail on request.

pub(crate) mod check;
pub(crate) mod postgres;
pub(crate) mod preload;
mod process;
pub(crate) mod redis;

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

/// A folder for one run, which every user can enter: Postgres may run as another one.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    let folder = TempDir::with_prefix("outdial-chaos.")?;
    set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    Ok(folder)
}
