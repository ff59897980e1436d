//! The words with which vendors describe a call.

use crate::NotConnectedReason;

/// A vendor's word for a status or a reason, without its spelling: `No Answer`, `no_answer`,
/// `NO-ANSWER` and `noAnswer` are one word. Vendors change the spelling without notice, and copy the
/// words of their carriers.
///
/// An adapter reads every such word through this type, in one file.
#[derive(Clone, PartialEq, Eq)]
pub struct VendorWord(Box<str>);

impl VendorWord {
    /// No word has more characters. A longer text is cut, and is then no known word.
    const MAX_CHARS: usize = 128;

    /// The word in lower case, with one `-` for everything between its parts.
    #[must_use]
    pub fn read(raw: &str) -> Self {
        let mut word = String::new();
        let mut after_lower_case = false;
        for c in raw.chars().take(Self::MAX_CHARS) {
            let begins_part = !c.is_alphanumeric() || (c.is_uppercase() && after_lower_case);
            if begins_part && !word.is_empty() && !word.ends_with('-') {
                word.push('-');
            }
            if c.is_alphanumeric() {
                word.extend(c.to_lowercase());
            }
            after_lower_case = c.is_lowercase();
        }
        Self(word.trim_end_matches('-').into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Why the callee was not connected, if this is one of the words that carriers and vendors share
    /// for it. *Failed* says no more, so that no word means it.
    #[must_use]
    pub fn not_connected(&self) -> Option<NotConnectedReason> {
        match &*self.0 {
            "busy" | "busy-here" | "line-busy" | "user-busy" | "callee-busy" | "customer-busy" => {
                Some(NotConnectedReason::Busy)
            }
            "no-answer"
            | "noanswer"
            | "not-answered"
            | "unanswered"
            | "did-not-answer"
            | "no-pickup"
            | "no-pick-up"
            | "callee-did-not-answer"
            | "customer-did-not-answer" => Some(NotConnectedReason::NoAnswer),
            "declined" | "decline" | "call-declined" | "user-declined" | "callee-declined" => {
                Some(NotConnectedReason::Declined)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_are_equal() {
        for raw in
            ["no-answer", "no_answer", "No Answer", "NO-ANSWER", " no  answer. ", "noAnswer", "NoAnswer"]
        {
            assert_eq!(VendorWord::read(raw).as_str(), "no-answer", "{raw:?}");
        }
        for (raw, word) in [("", ""), ("--", ""), ("Done", "done"), ("call.in-progress", "call-in-progress")]
        {
            assert_eq!(VendorWord::read(raw).as_str(), word, "{raw:?}");
        }
        assert_eq!(VendorWord::read(&format!("busy{}", " ".repeat(1000))).as_str(), "busy");
        assert_eq!(VendorWord::read(&"x".repeat(1000)).as_str().len(), VendorWord::MAX_CHARS);
    }

    #[test]
    fn shared_words_say_why_the_callee_was_not_connected() {
        for (raw, reason) in [
            ("BUSY", Some(NotConnectedReason::Busy)),
            ("no_answer", Some(NotConnectedReason::NoAnswer)),
            ("Declined", Some(NotConnectedReason::Declined)),
            ("failed", None),
            ("busy bee", None),
        ] {
            assert_eq!(VendorWord::read(raw).not_connected(), reason, "{raw}");
        }
        for reason in NotConnectedReason::ALL {
            let named = (reason != NotConnectedReason::Failed).then_some(reason);
            assert_eq!(VendorWord::read(reason.as_str()).not_connected(), named, "{}", reason.as_str());
        }
    }
}
