use std::fmt;

/// The stores of a run, and how many gateways use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topology {
    pub(crate) storage: Storage,
    pub(crate) replicas: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// One SQLite file. A second gateway on it is what a restart without a pause is.
    File,
    /// A Postgres pair and a Redis pair.
    Services,
}

impl Topology {
    /// A run goes through all of these.
    pub(crate) const ALL: [Self; 5] = [
        Self { storage: Storage::Services, replicas: 3 },
        Self { storage: Storage::File, replicas: 2 },
        Self { storage: Storage::Services, replicas: 2 },
        Self { storage: Storage::File, replicas: 1 },
        Self { storage: Storage::Services, replicas: 1 },
    ];
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage = match self.storage {
            Storage::File => "SQLite",
            Storage::Services => "Postgres + Redis",
        };
        write!(f, "{storage}, replicas: {}", self.replicas)
    }
}
