//! The place of a request in a trace.

use std::fmt;

use crate::InvalidValue;

/// A place in a trace, as the header `traceparent` of W3C Trace Context (version 00) writes it: the id of
/// the trace, the id of a span in it, and flags. It is kept with a call, so that later work on the call
/// can be found from its trace.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceParent(Box<str>);

impl TraceParent {
    /// Reads a place: `00-`, 32 hex digits, `-`, 16 hex digits, `-`, 2 hex digits, in lower case. Neither
    /// id consists of zeros.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || InvalidValue("a traceparent of W3C Trace Context");
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace, span, flags] = parts[..] else { return Err(invalid()) };
        let is_hex = |part: &str, len: usize| {
            part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_id = |part: &str, len| is_hex(part, len) && part.bytes().any(|byte| byte != b'0');
        if version == "00" && is_id(trace, 32) && is_id(span, 16) && is_hex(flags, 2) {
            Ok(Self(text.into()))
        } else {
            Err(invalid())
        }
    }

    /// The text that [`TraceParent::parse`] reads.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> [u8; 16] {
        bytes(&self.0[3..35])
    }

    /// The id of the span.
    #[must_use]
    pub fn span_id(&self) -> [u8; 8] {
        bytes(&self.0[36..52])
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> u8 {
        let [flags] = bytes(&self.0[53..55]);
        flags
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16);
    std::array::from_fn(|at| byte(at).expect("the text was checked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_place_is_read_and_written() {
        let place = TraceParent::parse(TEXT).expect("the example of the standard");
        assert_eq!(place.as_str(), TEXT);
        assert_eq!((place.trace_id()[0], place.trace_id()[15]), (0x4b, 0x36));
        assert_eq!((place.span_id()[1], place.span_id()[7]), (0xf0, 0xb7));
        assert_eq!(place.flags(), 1);
    }

    #[test]
    fn anything_else_is_refused() {
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let no_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let (upper, long) = (TEXT.to_uppercase(), format!("{TEXT}-00"));
        let other_version = TEXT.replacen("00-", "01-", 1);
        for text in ["", "00", "+14165550100", zeros, no_span, &upper, &long, &other_version, &TEXT[..54]] {
            assert!(TraceParent::parse(text).is_err(), "{text}");
        }
    }
}
