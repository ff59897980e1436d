use serde_json::{Value, json};

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Calls are placed, with a risk.
    Warning,
    /// Calls are refused or fail, or a risk is too great to place them.
    Failed,
    /// It could not be checked, or there is nothing to check.
    Skipped,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The check, by a name that does not change.
    pub(crate) id: &'static str,
    /// What it is about, if the check has several: a setting, a file, an organization.
    pub(crate) subject: Option<String>,
    pub(crate) state: State,
    pub(crate) found: String,
    /// What to do. `None` if there is nothing to do, or if `found` says it.
    pub(crate) remedy: Option<String>,
}

impl Finding {
    fn new(id: &'static str, state: State, found: impl Into<String>, remedy: Option<String>) -> Self {
        Self { id, subject: None, state, found: found.into(), remedy }
    }

    pub(super) fn ok(id: &'static str, found: impl Into<String>) -> Self {
        Self::new(id, State::Ok, found, None)
    }

    pub(super) fn warning(id: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(id, State::Warning, found, Some(remedy.into()))
    }

    pub(super) fn failed(id: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(id, State::Failed, found, Some(remedy.into()))
    }

    /// There is nothing to check.
    pub(super) fn unneeded(id: &'static str, reason: impl Into<String>) -> Self {
        Self::new(id, State::Skipped, reason, None)
    }

    /// It needs what another check did not find.
    pub(super) fn skipped(id: &'static str, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(id, State::Skipped, reason, Some(remedy.into()))
    }

    /// It needs what the check `other` did not find.
    pub(super) fn behind(id: &'static str, other: &str) -> Self {
        let remedy = format!("correct `{other}`, and check again");
        Self::skipped(id, format!("not checked, because `{other}` is not ok"), remedy)
    }

    pub(super) fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// One line, with the remedy.
    pub(crate) fn to_line(&self) -> String {
        let Self { id, subject, state, found, remedy } = self;
        let subject = subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
        let remedy = remedy.as_ref().map(|remedy| format!("; to do: {remedy}")).unwrap_or_default();
        format!("{:<8} {id:<18} {subject}{found}{remedy}\n", state.as_str())
    }

    pub(crate) fn to_json(&self) -> Value {
        let Self { id, subject, state, found, remedy } = self;
        let mut shown = json!({ "id": id, "state": state.as_str(), "found": found });
        if let Some(subject) = subject {
            shown["subject"] = json!(subject);
        }
        if let Some(remedy) = remedy {
            shown["remedy"] = json!(remedy);
        }
        shown
    }
}
