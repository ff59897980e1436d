use std::collections::BTreeMap;
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
        // A variable that is set but empty is not set: so it can be blanked out by whatever starts the process.
        let environment =
            std::env::vars().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        values.extend(environment);
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
