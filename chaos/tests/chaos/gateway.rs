//! The gateway under test, with points at which it can be stopped.

/// Serves until a signal stops it.
pub(crate) fn serve() -> anyhow::Result<()> {
    anyhow::bail!("not built yet")
}
