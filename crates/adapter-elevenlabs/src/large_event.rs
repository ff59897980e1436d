//! Receives an event with a long recording without keeping the recording.

use domain::Timestamp;
use domain::ports::{LargeEvent, MAX_SHORTENED_LEN, Unverified};

use crate::audio;
use crate::signature::SignedBody;

/// An event that is too large to be held in memory. Its recording is the reason, so the copy of its
/// body leaves out this one field. What is still too large is an event of another type.
pub(crate) struct LargeAudioEvent {
    signed: Option<SignedBody>,
    has_token: bool,
    shortened: Shortened,
}

impl LargeAudioEvent {
    /// `has_token`: the request shows the tool secret, so its body needs no signature.
    pub(crate) fn new(signed: Option<SignedBody>, has_token: bool) -> Self {
        Self { signed, has_token, shortened: Shortened::default() }
    }
}

impl LargeEvent for LargeAudioEvent {
    fn receive(&mut self, part: &[u8]) {
        if let Some(signed) = &mut self.signed {
            signed.receive(part);
        }
        self.shortened.receive(part);
    }

    fn finish(self: Box<Self>, now: Timestamp) -> Result<Option<Vec<u8>>, Unverified> {
        if !self.has_token {
            self.signed.ok_or(Unverified)?.verify(now)?;
        }
        Ok(self.shortened.finish())
    }
}

/// A copy of a JSON text without the content of the strings that are named [`audio::FIELD`]. It
/// reads the text in parts of any size, and checks no more of it than where its strings end: the
/// reader of the copy checks the rest.
#[derive(Default)]
struct Shortened {
    copy: Vec<u8>,
    place: Place,
    /// Whether the last value was the name of the field, and a colon can follow.
    is_named: bool,
    /// Whether the value of the field can follow.
    is_value_next: bool,
    left_out: bool,
    is_too_long: bool,
}

#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    BetweenStrings,
    InString {
        /// Where its content begins in the copy.
        begin: usize,
        is_escaped: bool,
    },
    LeavingOut {
        is_escaped: bool,
    },
}

impl Shortened {
    fn receive(&mut self, part: &[u8]) {
        for &byte in part {
            // The places in the copy are gone with it.
            if self.is_too_long {
                return;
            }
            self.receive_byte(byte);
            if self.copy.len() > MAX_SHORTENED_LEN {
                (self.is_too_long, self.copy) = (true, Vec::new());
            }
        }
    }

    fn receive_byte(&mut self, byte: u8) {
        match self.place {
            Place::LeavingOut { is_escaped: false } if byte == b'"' => {
                self.copy.push(byte);
                self.place = Place::BetweenStrings;
            }
            Place::LeavingOut { is_escaped } => {
                self.place = Place::LeavingOut { is_escaped: !is_escaped && byte == b'\\' };
            }
            Place::InString { begin, is_escaped } => {
                if byte == b'"' && !is_escaped {
                    self.is_named = self.copy[begin..] == *audio::FIELD.as_bytes();
                    self.place = Place::BetweenStrings;
                } else {
                    self.place = Place::InString { begin, is_escaped: !is_escaped && byte == b'\\' };
                }
                self.copy.push(byte);
            }
            Place::BetweenStrings => {
                self.copy.push(byte);
                match byte {
                    b'"' if self.is_value_next => {
                        self.place = Place::LeavingOut { is_escaped: false };
                        self.left_out = true;
                    }
                    b'"' => self.place = Place::InString { begin: self.copy.len(), is_escaped: false },
                    b' ' | b'\t' | b'\r' | b'\n' => return,
                    _ => {}
                }
                self.is_value_next = byte == b':' && self.is_named;
                self.is_named = false;
            }
        }
    }

    /// The copy, if it is short enough and something was left out.
    fn finish(self) -> Option<Vec<u8>> {
        (self.left_out && !self.is_too_long).then_some(self.copy)
    }
}

#[cfg(test)]
mod tests;
