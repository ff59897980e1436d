//! The error of every `parse` in the model.

/// The input is not a value of the type. The message describes a valid value and never quotes the
/// input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct InvalidValue(pub(crate) &'static str);
