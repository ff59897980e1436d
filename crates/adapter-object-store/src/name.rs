use std::fmt::Write as _;

use domain::RecordingKey;
use object_store::path::{Path, PathPart};
use sha2::{Digest, Sha256};

/// Longer names become digests: file systems permit 255 bytes, and the suffix of a temporary file
/// needs some of them.
const MAX_LEN: usize = 200;
/// No escaped byte begins with this prefix.
const DIGEST_PREFIX: &str = "_h";

/// The path of a recording: one name below the prefix.
pub(crate) fn path_of(prefix: &Path, key: &RecordingKey) -> Path {
    prefix.clone().join(PathPart::from(encode(key.as_str())))
}

/// Returns a different name for every text, also for file systems that ignore case. Lower-case
/// ASCII letters, digits, `-` and `.` stay, except a dot at the beginning; every other byte becomes
/// `_` and two hex digits.
fn encode(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
            b'.' if index > 0 => name.push('.'),
            _ => push_hex(&mut name, "_", byte),
        }
    }
    if (1..=MAX_LEN).contains(&name.len()) {
        return name;
    }
    name.clear();
    name.push_str(DIGEST_PREFIX);
    for byte in Sha256::digest(text.as_bytes()) {
        push_hex(&mut name, "", byte);
    }
    name
}

fn push_hex(name: &mut String, escape: &str, byte: u8) {
    write!(name, "{escape}{byte:02x}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests;
