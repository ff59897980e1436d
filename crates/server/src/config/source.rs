use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::env_file;
use super::setting::FILE_SUFFIX;

const PREFIX: &str = "OUTDIAL_";

/// Settings as text: the environment takes precedence over a file.
#[derive(Clone, Default)]
pub struct Source {
    values: BTreeMap<String, String>,
    /// The settings file, and the names in it.
    file: Option<(PathBuf, BTreeSet<String>)>,
}

impl Source {
    /// The environment of this process, and the given file, which has settings only. Without a file:
    /// `.env` in the working folder, if it exists, which may also have variables of other programs.
    pub fn of_process(file: Option<&Path>) -> anyhow::Result<Self> {
        let path = file.unwrap_or(Path::new(".env"));
        let mut values = match file {
            Some(path) => settings_of(path)?,
            None if path.is_file() => read_file(path)?,
            None => BTreeMap::new(),
        };
        values.retain(|name, _| name.starts_with(PREFIX));
        let names =
            values.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.clone()).collect();
        for (name, value) in of_environment(std::env::vars_os())? {
            // A secret in the environment replaces its file in the settings file, and the reverse.
            values.remove(&format!("{name}{FILE_SUFFIX}"));
            values.remove(name.strip_suffix(FILE_SUFFIX).unwrap_or_default());
            values.insert(name, value);
        }
        Ok(Self { values, file: Some((path.to_owned(), names)) })
    }

    /// Only these settings.
    pub fn of(values: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, file: None }
    }

    /// The names of the settings that are set.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The settings file, if it sets a setting with such a name.
    pub(super) fn file_with(&self, is_name: impl Fn(&str) -> bool) -> Option<&Path> {
        let (path, names) = self.file.as_ref()?;
        names.iter().any(|name| is_name(name)).then_some(path.as_path())
    }

    /// The value of a setting, if it is set.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// The settings among these variables. Other variables are ignored, whatever they contain.
fn of_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Vec<(String, String)>> {
    // An empty variable counts as not set, so that a script or a container file can blank it out.
    let settings = variables.filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        (!value.is_empty()).then_some((name, value))
    });
    settings
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => bail!("{name} is not UTF-8"),
        })
        .collect()
}

/// Reads a file that is for this program alone: a name without the prefix is a mistake.
fn settings_of(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let values = read_file(path)?;
    let is_foreign = |name: &&String| !name.starts_with(PREFIX);
    let foreign: Vec<&str> = values.keys().filter(is_foreign).map(String::as_str).collect();
    if !foreign.is_empty() {
        bail!("{} has names that do not start with {PREFIX}: {}", path.display(), foreign.join(", "));
    }
    Ok(values)
}

fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return env_file::read(text).map_err(|fault| anyhow::anyhow!("{shown} {fault}"));
    }
    // A parse error quotes the line, which may contain a secret. Report only the line number.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
        anyhow::anyhow!("{shown} is not valid TOML at line {line}")
    })?;
    let value = |(name, value): (String, toml::Value)| match value {
        toml::Value::String(text) => Ok((name, text)),
        toml::Value::Integer(number) => Ok((name, number.to_string())),
        toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => bail!("{name} in {shown} must be a string or an integer"),
    };
    table.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn read(variables: &[(&[u8], &[u8])]) -> Result<Vec<(String, String)>, String> {
        let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let variables = variables.iter().map(|(name, value)| (text(name), text(value)));
        of_environment(variables).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_setting_must_be_utf_8() {
        let bind = ("OUTDIAL_BIND".to_owned(), "x".to_owned());
        let others: [(&[u8], &[u8]); 4] =
            [(b"LESS", b"\xff"), (b"\xff", b"x"), (b"OUTDIAL_LOG", b""), (b"OUTDIAL_BIND", b"x")];
        assert_eq!(read(&others), Ok(vec![bind]));
        let secret: [(&[u8], &[u8]); 1] = [(b"OUTDIAL_JWT_SECRET", b"s3cret\xff")];
        assert_eq!(read(&secret), Err("OUTDIAL_JWT_SECRET is not UTF-8".to_owned()));
    }
}
