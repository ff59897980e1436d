//! What the provider concludes from a conversation.

use crate::PrivateNote;

/// The provider's analysis of a conversation, as far as the agent is set up for it. Two analyses of
/// one conversation are merged by keeping the greater value of each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Analysis {
    /// Whether the conversation reached its goal. It says nothing of the connection.
    pub goal: Option<GoalResult>,
    /// The results of the criteria that the agent is evaluated by.
    pub criteria: Vec<CriterionResult>,
    /// The data that was collected in the conversation.
    pub collected: Vec<CollectedValue>,
}

/// Whether a goal was reached; later values win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GoalResult {
    /// It cannot be told.
    Unknown,
    /// It was not reached.
    Failure,
    /// It was reached.
    Success,
}

/// The result of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CriterionResult {
    /// The provider's id of the criterion.
    pub id: PrivateNote,
    /// Whether it was met.
    pub result: GoalResult,
    /// Why, in the provider's words.
    pub rationale: Option<PrivateNote>,
}

/// One value that was collected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CollectedValue {
    /// The provider's id of the value.
    pub id: PrivateNote,
    /// The value, as the text of a JSON value; `None` if nothing was collected.
    pub json: Option<PrivateNote>,
    /// Why, in the provider's words.
    pub rationale: Option<PrivateNote>,
}

impl GoalResult {
    /// Every result.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Failure, Self::Success];

    /// The result's name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Failure => "failure",
            Self::Success => "success",
        }
    }

    /// Reads the name that [`GoalResult::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == name)
    }
}

impl Analysis {
    /// The analysis without its lists, which may be long.
    #[must_use]
    pub fn in_short(&self) -> Self {
        Self { goal: self.goal, ..Self::default() }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.goal = self.goal.max(other.goal);
        keep_the_longer(&mut self.criteria, &other.criteria);
        keep_the_longer(&mut self.collected, &other.collected);
    }
}

/// Of two lists of the same length, the greater.
pub(super) fn keep_the_longer<T: Ord + Clone>(kept: &mut Vec<T>, offered: &Vec<T>) {
    if (offered.len(), offered) > (kept.len(), &*kept) {
        kept.clone_from(offered);
    }
}
