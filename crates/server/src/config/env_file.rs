//! A file of lines `NAME=value`. A value is read as it is written: other programs expand `$NAME` and
//! escapes in it, each in its own way, and a secret would silently become another one.

use std::collections::BTreeMap;

/// What is wrong with a line. It quotes nothing of it, since it may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("has a mistake in line {line}: {problem}")]
pub(super) struct Fault {
    line: usize,
    problem: &'static str,
}

/// Reads the lines. Empty lines and comments, which begin with `#`, are skipped; so are `export` in
/// front of a name, white space around a name and a value, and a comment behind a value and a space.
/// A value may be in quotes, which keep its white space and `#`.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let fault = |problem| Fault { line: index + 1, problem };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, text) = line.split_once('=').ok_or(fault("it is not NAME=value"))?;
        let name = name.trim();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(fault("it is not NAME=value"));
        }
        let value = value(text.trim()).map_err(fault)?;
        if values.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(fault("its name has a value already"));
        }
    }
    Ok(values)
}

fn value(text: &str) -> Result<&str, &'static str> {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        return Ok(without_comment(text));
    };
    let (value, rest) = text[1..].split_once(quote).ok_or("its quote has no end")?;
    let rest = rest.trim_start();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err("something follows the quotes");
    }
    if quote == '"' && value.contains('\\') {
        return Err("it has a backslash in double quotes: use single quotes, which all programs read alike");
    }
    Ok(value)
}

/// A comment follows white space, or the `=`.
fn without_comment(text: &str) -> &str {
    let begins = |at: usize| at == 0 || text[..at].ends_with([' ', '\t']);
    let comment = text.match_indices('#').find(|(at, _)| begins(*at));
    comment.map_or(text, |(at, _)| &text[..at]).trim_end()
}

#[cfg(test)]
mod tests;
