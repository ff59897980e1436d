use std::path::PathBuf;

/// The location of the store, and its number of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteSettings {
    pub location: SqliteLocation,
    /// The maximum number of reading connections, at least 1. There is always one writer. In
    /// memory, one connection does everything.
    pub max_connections: u32,
}

/// The location of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteLocation {
    /// This file, which is created if it does not exist, with its `-wal` and `-shm` files in the
    /// same folder.
    File(PathBuf),
    /// The memory of the process. The data is lost with the last clone of the store.
    Memory,
}

impl SqliteSettings {
    /// A store in this file, with 4 reading connections.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { location: SqliteLocation::File(path.into()), max_connections: 4 }
    }

    /// A store in memory, for tests. Each one that is opened has its own data.
    #[must_use]
    pub const fn in_memory() -> Self {
        Self { location: SqliteLocation::Memory, max_connections: 1 }
    }
}
