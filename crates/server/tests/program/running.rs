use std::path::Path;
use std::process::Command;

use server::{Settings, Source};

/// The settings of a production gateway.
pub(crate) const PRODUCTION: [(&str, &str); 5] = [
    ("OUTDIAL_DATABASE_URL", "postgres://outdial@127.0.0.1/outdial"),
    ("OUTDIAL_REDIS_URL", "redis://127.0.0.1/0"),
    ("OUTDIAL_VOICE_PROVIDER", "elevenlabs"),
    ("OUTDIAL_ELEVENLABS_API_KEY", "a-key"),
    ("OUTDIAL_JWT_SECRET", "a secret that is long enough for HS256"),
];

/// Runs the program with only these settings, in an empty folder: whether it succeeded, its standard
/// output and its standard error.
pub(crate) fn outdial(arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String, String) {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    outdial_in(folder.path(), arguments, settings)
}

pub(crate) fn outdial_in(
    folder: &Path,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
    command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(folder);
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

pub(crate) fn load(settings: &[(&str, &str)]) -> Result<Settings, String> {
    let source = Source::of(settings.iter().copied());
    Settings::load(&source).map_err(|error| error.to_string())
}

/// Writes a file and returns its path.
pub(crate) fn file_with(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("the folder is writable");
    path.to_str().expect("an ASCII path").to_owned()
}
