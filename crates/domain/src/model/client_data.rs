//! What a client gives with a call: values for the agent's prompt, and data of its own.

use std::collections::BTreeMap;
use std::fmt;

use super::invalid_value::InvalidValue;
use super::private_text::is_forbidden;

/// The client's own variables of the agent's prompt, by name. They are personal data: neither
/// names nor values are for logs.
#[derive(Clone, Default, PartialEq)]
pub struct DynamicVariables(BTreeMap<Box<str>, VariableValue>);

/// The value of a variable. A number is never NaN: JSON has none.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum VariableValue {
    Text(Box<str>),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
}

/// What is wrong with variables. It names none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`as_str` says it")]
pub enum VariablesFault {
    TooMany,
    TooLarge,
    InvalidName,
    ReservedName,
    NotUnique,
    ControlCharacters,
}

/// Names that the gateway itself sends, or that a provider fills in. They are the same for every
/// provider, so that a request does not depend on the provider that places the call.
const RESERVED_NAMES: [&str; 12] = [
    "call_reason",
    "caller_name",
    "caller_number",
    "org_name",
    "customer",
    "transport",
    "now",
    "date",
    "time",
    "month",
    "day",
    "year",
];

/// Prefixes of what one provider fills in, and of what it keeps from the model. No other provider
/// keeps a secret, and the ledger shows every variable.
const RESERVED_PREFIXES: [&str; 3] = ["system__", "system_env__", "secret__"];

impl Eq for DynamicVariables {}

impl DynamicVariables {
    /// The most variables of a call.
    pub const MAX_COUNT: usize = 32;
    /// The longest name, in characters.
    pub const MAX_NAME_LEN: usize = 64;
    /// The most bytes of all names and texts.
    pub const MAX_SIZE: usize = 8192;

    /// Accepts variables that are few, small and not reserved, each given once. A name begins with a
    /// letter or `_`, and has only ASCII letters, digits and `_`: what the prompts of all providers
    /// can name.
    pub fn parse(given: &[(String, VariableValue)]) -> Result<Self, VariablesFault> {
        if given.len() > Self::MAX_COUNT {
            return Err(VariablesFault::TooMany);
        }
        if given.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > Self::MAX_SIZE {
            return Err(VariablesFault::TooLarge);
        }
        if !given.iter().all(|(name, _)| is_name(name)) {
            return Err(VariablesFault::InvalidName);
        }
        if given.iter().any(|(name, _)| is_reserved(name)) {
            return Err(VariablesFault::ReservedName);
        }
        let is_text = |value: &VariableValue| match value {
            VariableValue::Text(text) => !text.chars().any(is_forbidden),
            _ => true,
        };
        if !given.iter().all(|(_, value)| is_text(value)) {
            return Err(VariablesFault::ControlCharacters);
        }
        let variables = Self::stored(given.iter().cloned());
        if variables.0.len() == given.len() { Ok(variables) } else { Err(VariablesFault::NotUnique) }
    }

    /// What a ledger holds. It is not checked: a later release may reserve more names, and still
    /// reads the calls of an earlier one.
    #[must_use]
    pub fn stored(variables: impl IntoIterator<Item = (String, VariableValue)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// The variables, in the order of their names. They are personal data: not for logs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &VariableValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let continues = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    starts && continues && name.len() <= DynamicVariables::MAX_NAME_LEN
}

fn is_reserved(name: &str) -> bool {
    RESERVED_NAMES.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl VariableValue {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Integer(_) | Self::Decimal(_) | Self::Boolean(_) => 0,
        }
    }
}

impl VariablesFault {
    /// What is wrong, after the name of the field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "must have at most 32 variables",
            Self::TooLarge => "must have at most 8192 bytes in all names and texts together",
            Self::InvalidName => {
                "has an invalid name: a name has at most 64 ASCII letters, digits and underscores, and begins with no \
                 digit"
            }
            Self::ReservedName => {
                "has a reserved name: call_reason, caller_name, caller_number, org_name, customer, transport, now, \
                 date, time, month, day, year, and what begins with system__, system_env__ or secret__ are reserved"
            }
            Self::NotUnique => "has a variable twice",
            Self::ControlCharacters => "must hold no control characters",
        }
    }
}

impl fmt::Display for VariablesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DynamicVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynamicVariables(..)")
    }
}

impl fmt::Debug for VariableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VariableValue(..)")
    }
}

/// The client's own data about a call, as JSON on one line. The gateway returns it and reads
/// nothing in it. It is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct CallMetadata(Box<str>);

impl CallMetadata {
    /// The most bytes, without the white space between the values.
    pub const MAX_LEN: usize = 4096;

    /// Takes a text that the caller has read as JSON, without the white space between its values.
    pub fn parse(json: &str) -> Result<Self, InvalidValue> {
        let compact = without_white_space(json);
        if compact.len() > Self::MAX_LEN {
            return Err(InvalidValue("metadata: it is too long"));
        }
        Ok(Self(compact.into()))
    }

    /// The JSON, which contains no line break. It is personal data: not for logs.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// The values keep their spelling: a reader of numbers would round them.
fn without_white_space(json: &str) -> String {
    let (mut in_text, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        if !in_text {
            in_text = *c == '"';
            return !matches!(c, ' ' | '\t' | '\n' | '\r');
        }
        in_text = is_escaped || *c != '"';
        is_escaped = *c == '\\' && !is_escaped;
        true
    };
    json.chars().filter(is_kept).collect()
}

impl fmt::Debug for CallMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallMetadata(..)")
    }
}

#[cfg(test)]
mod tests;
