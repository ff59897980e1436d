use std::path::PathBuf;

/// Where the store lives, and how many may read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteSettings {
    /// The place of the data.
    pub location: SqliteLocation,
    /// How many connections may read at once, at least 1. There is one writer, whatever this says; in memory, one
    /// connection does everything.
    pub max_connections: u32,
}

/// The place of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteLocation {
    /// This file, made on opening if it is not there, and its `-wal` and `-shm` files beside it.
    File(PathBuf),
    /// The process's memory: gone with the last clone of the store.
    Memory,
}

impl SqliteSettings {
    /// A store in this file, with 4 reading connections.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { location: SqliteLocation::File(path.into()), max_connections: 4 }
    }

    /// A store in memory, for tests: each one that is opened is a store of its own.
    #[must_use]
    pub const fn in_memory() -> Self {
        Self { location: SqliteLocation::Memory, max_connections: 1 }
    }
}
