use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::table::SETTINGS;

const PREFIX: &str = "OUTDIAL_";

/// Settings as text: the environment, over a file.
#[derive(Clone, Default)]
pub struct Source(BTreeMap<String, String>);

impl Source {
    /// The environment of this process over the given file, or over `.env` in the working folder if it is there.
    pub fn of_process(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut values = match file {
            Some(path) => read_file(path)?,
            None if Path::new(".env").is_file() => read_file(Path::new(".env"))?,
            None => BTreeMap::new(),
        };
        values.extend(of_environment(std::env::vars_os())?);
        Self::of(values)
    }

    /// These settings and nothing else.
    pub fn of(
        values: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> anyhow::Result<Self> {
        let values: BTreeMap<String, String> =
            values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let known = |name: &&String| !SETTINGS.iter().any(|setting| setting.name == name.as_str());
        let unknown: Vec<&str> = values.keys().filter(known).map(String::as_str).collect();
        if !unknown.is_empty() {
            bail!("no such setting: {} (`outdial settings` prints all of them)", unknown.join(", "));
        }
        Ok(Self(values))
    }

    /// The value of a setting; its default where it is not set; nothing where it has none.
    pub(super) fn value(&self, name: &'static str) -> Option<&str> {
        let setting =
            SETTINGS.iter().find(|setting| setting.name == name).expect("every setting is in the table");
        let value = self.0.get(name).map_or(setting.default, String::as_str).trim();
        (!value.is_empty()).then_some(value)
    }

    /// Whether a setting was given a value.
    pub(super) fn is_set(&self, name: &'static str) -> bool {
        self.0.get(name).is_some_and(|value| !value.trim().is_empty())
    }
}

/// Our settings among these variables. Those of others may hold whatever they like.
fn of_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Vec<(String, String)>> {
    // A variable that is set but empty is not set: so it can be blanked out by whatever starts the process.
    let ours = variables.filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        (!value.is_empty()).then_some((name, value))
    });
    ours.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => bail!("{name} is not UTF-8"),
    })
    .collect()
}

fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let shown = path.display();
    if path.extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        // A parse error quotes the line, and with it a secret: its place must do.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
            anyhow::anyhow!("{shown} is not TOML, at line {line}")
        })?;
        return table
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX))
            .map(|(name, value)| match value {
                toml::Value::String(text) => Ok((name, text)),
                toml::Value::Integer(number) => Ok((name, number.to_string())),
                toml::Value::Float(_)
                | toml::Value::Boolean(_)
                | toml::Value::Datetime(_)
                | toml::Value::Array(_)
                | toml::Value::Table(_) => bail!("{name} in {shown} is neither text nor a whole number"),
            })
            .collect();
    }
    let lines = dotenvy::from_path_iter(path).with_context(|| format!("cannot read {shown}"))?;
    let mut values = BTreeMap::new();
    for line in lines {
        let (name, value) = line.map_err(|_| anyhow::anyhow!("{shown} has a line that is not NAME=value"))?;
        if name.starts_with(PREFIX) {
            values.insert(name, value);
        }
    }
    Ok(values)
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
    fn what_is_not_text_matters_in_our_settings_alone() {
        let bind = ("OUTDIAL_BIND".to_owned(), "x".to_owned());
        let others: [(&[u8], &[u8]); 4] =
            [(b"LESS", b"\xff"), (b"\xff", b"x"), (b"OUTDIAL_LOG", b""), (b"OUTDIAL_BIND", b"x")];
        assert_eq!(read(&others), Ok(vec![bind]));
        let secret: [(&[u8], &[u8]); 1] = [(b"OUTDIAL_JWT_SECRET", b"s3cret\xff")];
        assert_eq!(read(&secret), Err("OUTDIAL_JWT_SECRET is not UTF-8".to_owned()));
    }
}
