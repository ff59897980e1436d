//! The kinds of value that a setting can have, with their bounds.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use crate::credential_keys::CredentialKeys;

/// Which values a setting accepts.
pub(super) struct Kind<T> {
    /// Completes the sentence "The value must be ...".
    pub(super) expected: String,
    /// Whether the value, or a part of it, is a secret.
    pub(super) is_secret: bool,
    /// The value of a text without white space around it, or nothing if it is out of bounds. The
    /// text may be empty.
    pub(super) parse: Parse<T>,
}

type Parse<T> = Box<dyn Fn(&str) -> Option<T>>;

impl<T: 'static> Kind<T> {
    pub(super) fn new(expected: impl Into<String>, parse: impl Fn(&str) -> Option<T> + 'static) -> Self {
        Self { expected: expected.into(), is_secret: false, parse: Box::new(parse) }
    }

    /// Accepts an empty text too: there is no value then.
    pub(super) fn optional(self) -> Kind<Option<T>> {
        let parse = self.parse;
        Kind {
            expected: self.expected,
            is_secret: self.is_secret,
            parse: Box::new(move |text| if text.is_empty() { Some(None) } else { parse(text).map(Some) }),
        }
    }

    fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }
}

/// Text of these characters, at least one.
pub(super) fn text(expected: &str, is_allowed: fn(char) -> bool) -> Kind<String> {
    Kind::new(expected, move |text| {
        (!text.is_empty() && text.chars().all(is_allowed)).then(|| text.to_owned())
    })
}

pub(super) fn any_text() -> Kind<String> {
    text("text", |_| true)
}

pub(super) fn http_url() -> Kind<Url> {
    Kind::new("an http or https URL", |text| {
        Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
    })
}

/// Whether the URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A URL that may contain a password.
pub(super) fn secret_url(starts: &'static [&str]) -> Kind<SecretString> {
    let expected = format!("a URL that starts with {}", starts.join(" or "));
    Kind::new(expected, |text| starts.iter().any(|start| text.starts_with(start)).then(|| text.into()))
        .secret()
}

pub(super) fn secret(min_bytes: usize) -> Kind<SecretString> {
    let expected = if min_bytes > 1 { format!("at least {min_bytes} bytes") } else { "text".to_owned() };
    Kind::new(expected, move |text| (text.len() >= min_bytes).then(|| text.into())).secret()
}

/// Any number of secrets, separated by commas. Empty items are ignored.
pub(super) fn secrets(min_bytes: usize) -> Kind<Vec<SecretString>> {
    let expected = format!("at least {min_bytes} bytes, or several such secrets separated by commas");
    let one = secret(min_bytes);
    let parse = move |text: &str| {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let secrets: Vec<_> = items.map(|item| (one.parse)(item)).collect::<Option<_>>()?;
        (text.is_empty() || !secrets.is_empty()).then_some(secrets)
    };
    Kind::new(expected, parse).secret()
}

/// Any number of keys of 32 bytes, separated by commas.
pub(super) fn credential_keys() -> Kind<CredentialKeys> {
    Kind::new("32 bytes in hex or base64, or several such keys separated by commas", CredentialKeys::parse)
        .secret()
}

/// One of these words.
pub(super) fn choice<T: Copy + 'static>(values: &'static [(&str, T)]) -> Kind<T> {
    let words: Vec<_> = values.iter().map(|(word, _)| *word).collect();
    Kind::new(words.join(" or "), |text| {
        values.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    })
}

pub(super) fn count<T: TryFrom<u64> + 'static>(bounds: RangeInclusive<u64>) -> Kind<T> {
    whole_number("", bounds, |number| T::try_from(number).ok())
}

/// At least one.
pub(super) fn limit(bounds: RangeInclusive<u64>) -> Kind<NonZeroU32> {
    whole_number("", bounds, |number| NonZeroU32::new(u32::try_from(number).ok()?))
}

pub(super) fn millis(bounds: RangeInclusive<u64>) -> Kind<Duration> {
    whole_number(" of milliseconds", bounds, |number| Some(Duration::from_millis(number)))
}

pub(super) fn seconds(bounds: RangeInclusive<u64>) -> Kind<Duration> {
    whole_number(" of seconds", bounds, |number| Some(Duration::from_secs(number)))
}

pub(super) fn hours(bounds: RangeInclusive<u64>) -> Kind<Duration> {
    whole_number(" of hours", bounds, |number| Some(Duration::from_hours(number)))
}

pub(super) fn days(bounds: RangeInclusive<u64>) -> Kind<Duration> {
    whole_number(" of days", bounds, |number| Some(Duration::from_hours(24 * number)))
}

fn whole_number<T: 'static>(
    unit: &str,
    bounds: RangeInclusive<u64>,
    convert: fn(u64) -> Option<T>,
) -> Kind<T> {
    let expected = format!("a whole number{unit} from {} to {}", bounds.start(), bounds.end());
    Kind::new(expected, move |text| {
        text.parse().ok().filter(|number| bounds.contains(number)).and_then(convert)
    })
}
