//! Text about people: hidden in `Debug`, without control characters, of limited length.

use std::fmt;

use crate::InvalidValue;

const INVALID: InvalidValue = InvalidValue("a text: it is too long or contains control characters");

pub(super) fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

macro_rules! private_text {
    ($($(#[$doc:meta])* $name:ident, at most $max:literal bytes);+ $(;)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest accepted text, in bytes of UTF-8.
            pub const MAX_LEN: usize = $max;

            /// Accepts text that is short enough and has no control characters except line breaks
            /// and tabs.
            pub fn parse(text: &str) -> Result<Self, InvalidValue> {
                if text.len() > Self::MAX_LEN || text.chars().any(is_forbidden) {
                    return Err(INVALID);
                }
                Ok(Self(text.into()))
            }

            /// The text of a provider: without the characters that are not accepted, and cut to the
            /// length that is. `None` if nothing else is left than white space. Also whether the
            /// text was cut.
            #[must_use]
            pub fn shortened(text: &str) -> (Option<Self>, bool) {
                let mut kept: String = text.chars().filter(|c| !is_forbidden(*c)).collect();
                let is_cut = kept.len() > Self::MAX_LEN;
                kept.truncate(kept.floor_char_boundary(Self::MAX_LEN));
                let is_blank = kept.trim().is_empty();
                ((!is_blank).then(|| Self(kept.into())), is_cut)
            }

            /// The text. It is personal data: not for logs.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}

private_text! {
    /// A person's or an organization's name.
    PersonName, at most 512 bytes;
    /// Why the person is called, in the client's words; the agent receives it as `call_reason`.
    CallReason, at most 8192 bytes;
    /// A text about a call: a turn of its transcript, its summary, the reason of its end.
    PrivateNote, at most 65536 bytes;
    /// What a person writes beside a record: why a callee is suppressed, how a consent was given.
    RecordNote, at most 1024 bytes;
}

impl PersonName {
    /// Joins the parts of a name; absent or blank parts leave no gap.
    #[must_use]
    pub fn joined(parts: [Option<&Self>; 2]) -> Option<Self> {
        let spoken: Vec<&str> =
            parts.into_iter().flatten().map(|part| part.0.trim()).filter(|part| !part.is_empty()).collect();
        (!spoken.is_empty()).then(|| Self(spoken.join(" ").into()))
    }
}

#[cfg(test)]
mod tests;
