use super::kind::Kind;
use super::source::Source;

/// Every problem of the settings, each with the name of the variable. No value is quoted: it may be
/// a secret.
#[derive(Debug, thiserror::Error)]
#[error("invalid settings:{}", .0.iter().map(|(name, problem)| format!("\n  {name} {problem}")).collect::<String>())]
pub struct SettingsError(Vec<(String, String)>);

/// Reads settings and collects their problems, so that one start reports all of them.
pub(super) struct Reader<'a> {
    source: &'a Source,
    problems: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    /// Returns what `read` builds, or every problem that it noted.
    pub(super) fn read_all<T>(
        source: &'a Source,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let mut reader = Self { source, problems: Vec::new() };
        match read(&mut reader) {
            Some(value) if reader.problems.is_empty() => Ok(value),
            _ => Err(SettingsError(reader.problems)),
        }
    }

    /// The value of a setting. If it is out of bounds, this notes the problem and returns the
    /// default, so that the other settings are checked too.
    pub(super) fn value<T>(&mut self, name: &'static str, default: &str, kind: Kind<T>) -> T {
        let text = self.source.value(name).unwrap_or(default).trim();
        (kind.parse)(text).unwrap_or_else(|| {
            let empty = if text.is_empty() { " (it is empty)" } else { "" };
            self.problem::<()>(&[name], &format!("must be {}{empty}", kind.expected));
            (kind.parse)(default).expect("a default is within the bounds")
        })
    }

    /// The value of an optional setting that another setting makes necessary.
    pub(super) fn required<T>(&mut self, name: &'static str, value: Option<T>, when: &str) -> Option<T> {
        value.or_else(|| self.problem(&[name], &format!("is required {when}")))
    }

    /// Whether the setting is set, and not blank.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.source.value(name).is_some_and(|value| !value.trim().is_empty())
    }

    /// Notes every set variable that `is_setting` does not recognize.
    pub(super) fn refuse_unknown(&mut self, is_setting: impl Fn(&str) -> bool) {
        let unknown = self.source.names().filter(|name| !is_setting(name));
        let problem = "is not a setting (`outdial settings` prints every setting)";
        self.problems.extend(unknown.map(|name| (name.to_owned(), problem.to_owned())));
    }

    /// Whether no problem of these settings is noted.
    pub(super) fn are_valid(&self, names: &[&str]) -> bool {
        !self.problems.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// Notes a problem of the first of these settings, and returns nothing. If one of them is
    /// already known to be invalid, the problem may be a consequence and is not noted.
    pub(super) fn problem<T>(&mut self, names: &[&'static str], problem: &str) -> Option<T> {
        if self.are_valid(names) {
            self.problems.push((names[0].to_owned(), problem.to_owned()));
        }
        None
    }
}
