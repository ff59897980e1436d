/// What a consent permits. A greater one includes the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsentKind {
    /// Calls with an artificial voice, however the permission was given.
    Express,
    /// Marketing calls with an artificial voice, by a signed text.
    Written,
}

impl ConsentKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Express, Self::Written];

    /// The name in requests and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Written => "written",
        }
    }
}
