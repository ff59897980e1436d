//! Secrets that a suite chooses, and the search for them.

use std::error::Error;

use crate::fixtures::call_id;
use crate::log::LogCapture;

/// A word of letters that no other test has.
pub(crate) fn word() -> String {
    // The letters `a` to `p` in place of hexadecimal digits.
    let letter = |digit: u32| char::from(b'a' + u8::try_from(digit).expect("one digit"));
    call_id().as_str().chars().filter_map(|digit| digit.to_digit(16)).map(letter).collect()
}

/// An API key that no other test has. It has the form of a code, so that it survives where only a
/// code may be.
pub(crate) fn api_key() -> String {
    format!("key_{}", word())
}

/// A search of everything that an adapter shows for texts that it must keep to itself.
pub(crate) struct Search {
    private: Vec<String>,
    log: LogCapture,
}

impl Search {
    /// Looks for the key, its last half and these texts.
    pub(crate) fn start(api_key: &str, private: &[&str]) -> Self {
        let half = &api_key[api_key.len() / 2..];
        // The digits of a phone number identify a person without the plus, too.
        let texts = private.iter().map(|text| text.trim_start_matches('+'));
        let private = texts.chain([api_key, half]).map(str::to_owned).collect();
        Self { private, log: LogCapture::start() }
    }

    /// Requires that a text has none of them.
    pub(crate) fn shown(&self, what: &str, shown: &str) {
        for (index, text) in self.private.iter().enumerate() {
            assert!(!shown.contains(text), "private text {index} is in {what}");
        }
    }

    /// Requires that an error has none of them, in its texts or in those of its causes.
    pub(crate) fn error(&self, what: &str, error: &(dyn Error + 'static)) {
        for error in std::iter::successors(Some(error), |&error| error.source()) {
            self.shown(what, &format!("{error} {error:?}"));
        }
    }

    /// Requires that the log since the start has none of them.
    pub(crate) fn log(&self) {
        let marker = call_id();
        tracing::trace!(%marker, "the end of a search");
        let log = self.log.text();
        assert!(log.contains(marker.as_str()), "the log was not captured");
        self.shown("the log", &log);
    }
}

#[cfg(test)]
mod tests {
    use domain::ProviderCode;

    use super::*;

    #[test]
    fn a_key_can_be_a_code_and_occurs_once() {
        let key = api_key();
        assert_eq!(ProviderCode::from_untrusted(&key).as_str(), key);
        assert_ne!(key, api_key());
    }

    #[test]
    #[should_panic(expected = "private text 1 is in the log")]
    fn a_key_in_the_log_is_found() {
        let key = api_key();
        let search = Search::start(&key, &["+14165550100"]);
        tracing::trace!("sent {key}");
        search.log();
    }
}
