use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::kind::Kind;
use super::setting::FILE_SUFFIX;
use super::source::Source;
use super::warnings::SettingsWarning;

/// Every problem of the settings, each with the name of the variable. No value is quoted: it may be
/// a secret.
#[derive(Debug, thiserror::Error)]
#[error("invalid settings:{}", .0.iter().map(|(name, problem)| format!("\n  {name} {problem}")).collect::<String>())]
pub struct SettingsError(Vec<(String, String)>);

impl SettingsError {
    /// Each problem: the name of the variable, and what is wrong about it.
    pub(crate) fn problems(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Reads settings and collects their problems, so that one start reports all of them.
pub(super) struct Reader<'a> {
    source: &'a Source,
    problems: Vec<(String, String)>,
    warnings: Vec<SettingsWarning>,
    secret_files: Vec<PathBuf>,
}

impl<'a> Reader<'a> {
    /// Returns what `read` builds, or every problem that it noted.
    pub(super) fn read_all<T>(
        source: &'a Source,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let mut reader =
            Self { source, problems: Vec::new(), warnings: Vec::new(), secret_files: Vec::new() };
        match read(&mut reader) {
            Some(value) if reader.problems.is_empty() => Ok(value),
            _ => Err(SettingsError(reader.problems)),
        }
    }

    /// The value of a setting. If it is out of bounds, this notes the problem and returns the
    /// default, so that the other settings are checked too.
    pub(super) fn value<T>(&mut self, name: &'static str, default: &str, kind: Kind<T>) -> T {
        let text = if kind.is_secret { self.secret(name) } else { self.source.value(name).map(Cow::from) };
        let text = text.as_deref().unwrap_or(default).trim();
        (kind.parse)(text).unwrap_or_else(|| {
            let empty = if text.is_empty() { " (it is empty)" } else { "" };
            self.problem::<()>(&[name], &format!("must be {}{empty}", kind.expected));
            (kind.parse)(default).expect("a default is within the bounds")
        })
    }

    /// The value of a secret: its own, or the line in the file that `NAME_FILE` names.
    fn secret(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        let source = self.source;
        let own = source.value(name);
        let file_name = format!("{name}{FILE_SUFFIX}");
        let Some(path) = source.value(&file_name).map(str::trim).filter(|path| !path.is_empty()) else {
            return own.map(Cow::from);
        };
        if own.is_some_and(|value| !value.trim().is_empty()) {
            return self.problem(&[name], &format!("and {file_name} are set: set only one of them"));
        }
        let Ok(text) = std::fs::read_to_string(path) else {
            return self
                .problem(&[name], &format!("cannot be read: {file_name} names no readable text file"));
        };
        let line = text.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.contains(['\n', '\r']) {
            let problem =
                format!("cannot be read: the file of {file_name} must have one line, with the value");
            return self.problem(&[name], &problem);
        }
        self.note_secret_file(Path::new(path));
        Some(Cow::from(line.to_owned()))
    }

    /// The value of an optional setting that another setting makes necessary.
    pub(super) fn required<T>(&mut self, name: &'static str, value: Option<T>, when: &str) -> Option<T> {
        value.or_else(|| self.problem(&[name], &format!("is required {when}")))
    }

    /// Whether the setting is set, and not blank.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let is_set = |name: &str| self.source.value(name).is_some_and(|value| !value.trim().is_empty());
        is_set(name) || is_set(&format!("{name}{FILE_SUFFIX}"))
    }

    /// Notes what is risky.
    pub(super) fn warn(&mut self, warnings: impl IntoIterator<Item = SettingsWarning>) {
        self.warnings.extend(warnings);
    }

    /// Notes a settings file that every user of the machine can read, if it sets a secret.
    pub(super) fn warn_of_settings_file(&mut self, is_secret: impl Fn(&str) -> bool) {
        if let Some(path) = self.source.file_with(is_secret) {
            self.note_secret_file(path);
        }
    }

    fn note_secret_file(&mut self, path: &Path) {
        self.warn(SettingsWarning::of_secret_file(path));
        self.secret_files.push(path.to_owned());
    }

    /// The files that secrets were read from.
    pub(super) fn take_secret_files(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.secret_files)
    }

    /// What was noted as risky.
    pub(super) fn take_warnings(&mut self) -> Vec<SettingsWarning> {
        std::mem::take(&mut self.warnings)
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
