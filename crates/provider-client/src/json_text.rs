//! Text in the JSON of a provider.

use std::borrow::Cow;

/// JSON in which every escape sequence is a character: half of a surrogate pair, such as `\ud83d`
/// without its second half, becomes `\ufffd`. Providers cut texts in the middle of an emoji. A JSON
/// reader refuses the whole text that contains the half, or the whole document.
///
/// Bytes outside escape sequences stay as they are, and the length does not change.
#[must_use]
pub fn with_whole_characters(json: &[u8]) -> Cow<'_, [u8]> {
    let mut fixed = Cow::Borrowed(json);
    let mut at = 0;
    while let Some(offset) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += offset;
        match unit(json, at) {
            Some(0xd800..=0xdbff) if matches!(unit(json, at + ESCAPE_LEN), Some(0xdc00..=0xdfff)) => {
                at += 2 * ESCAPE_LEN;
            }
            Some(0xd800..=0xdfff) => {
                fixed.to_mut()[at..at + ESCAPE_LEN].copy_from_slice(br"\ufffd");
                at += ESCAPE_LEN;
            }
            Some(_) => at += ESCAPE_LEN,
            // Another escape sequence, with one character: perhaps a second backslash.
            None => at = json.len().min(at + 2),
        }
    }
    fixed
}

/// The length of an escape sequence of UTF-16: `\uXXXX`.
const ESCAPE_LEN: usize = 6;

/// The UTF-16 unit of the escape sequence at this position, if there is one.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE_LEN)?.strip_prefix(br"\u")?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_pair_becomes_the_replacement_character() {
        for (json, expected) in [
            (r#""sum \ud83d mary""#, "sum \u{fffd} mary"),
            (r#""\udc00""#, "\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\uD83D\uDE00 \u00e9""#, "\u{1f600} \u{e9}"),
            (r#""\\ud83d \\\ud83d\"""#, "\\ud83d \\\u{fffd}\""),
            (r#""plain""#, "plain"),
        ] {
            let fixed = with_whole_characters(json.as_bytes());
            let read: String = serde_json::from_slice(&fixed).expect("it is a text");
            assert_eq!(read, expected, "{json}");
        }
    }

    #[test]
    fn other_bytes_stay_as_they_are() {
        for json in ["", "\\", "\"\\u", r#"{"a":"\ud8"}"#, r#""\ud83d\ude0""#, "<html>\\", r#""\u+123""#] {
            let fixed = with_whole_characters(json.as_bytes());
            assert_eq!(fixed.len(), json.len(), "{json}");
            let is_changed = json.contains(r"\ud83d\ude0");
            assert_eq!(matches!(fixed, Cow::Owned(_)), is_changed, "{json}");
        }
        assert!(matches!(with_whole_characters(&[0xff, b'\\', 0xfe]), Cow::Borrowed(_)));
    }
}
