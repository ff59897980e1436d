use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The settings of one process: environment variables by name.
pub(super) type Environment = BTreeMap<&'static str, String>;

/// The `outdial` binary with these arguments and with these settings alone. The process is killed
/// when its handle is dropped.
pub(super) fn outdial(arguments: &[&str], settings: &Environment) -> Command {
    let mut command = Command::new(outdial_path());
    command.args(arguments).env_clear().envs(settings).stdin(Stdio::null()).kill_on_drop(true);
    command.current_dir(std::env::temp_dir());
    command
}

/// Runs a command until it ends.
pub(super) async fn run_outdial(arguments: &[&str], settings: &Environment) -> Output {
    outdial(arguments, settings).output().await.expect("outdial starts")
}

/// A command of a shell in which `outdial` is the binary. The process is killed when its handle is
/// dropped.
pub(crate) fn run_with_outdial(command: &[&str]) -> Command {
    let program = outdial_path();
    let mut shell = Command::new("bash");
    shell.args(["-c", r#"PATH=$0:$PATH; exec "$@""#]).arg(program.parent().expect("it is in a folder"));
    shell.args(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    shell
}

/// Cargo builds the binary next to the folder of the test programs.
pub(crate) fn outdial_path() -> PathBuf {
    let test_program = std::env::current_exe().expect("the test program has a path");
    let target = test_program.parent().and_then(Path::parent).expect("the test program is in target/*/deps");
    let path = target.join("outdial");
    assert!(path.exists(), "{} does not exist: run `cargo build --bin outdial` first", path.display());
    path
}

/// An `outdial` command that runs until it is stopped, and its standard output.
pub(crate) struct RunningCommand {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl RunningCommand {
    /// Starts a command in a folder, with these settings alone.
    pub(crate) fn start(folder: &Path, arguments: &[&str], settings: &[(&'static str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut command = outdial(arguments, &settings);
        command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("outdial starts");
        let output = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        Self { child, output }
    }

    /// The output up to and including the first line that contains `text`.
    pub(crate) async fn output_until(&mut self, text: &str) -> String {
        let mut output = String::new();
        while !output.contains(text) {
            let line = self.output.next_line().await.expect("the output is UTF-8");
            let line = line.unwrap_or_else(|| panic!("the output ends without {text:?}: {output}"));
            output.push_str(&line);
            output.push('\n');
        }
        output
    }

    /// Sends a signal by its name, for example `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        send_signal(&self.child, name).await;
    }

    /// Waits until the command has ended, for a minute at most.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(Duration::from_secs(60), self.child.wait()).await;
        ended.expect("the command ends within a minute").expect("the command can be waited for")
    }

    /// Panics if the command has ended already.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("the command still runs");
    }
}

/// Sends a signal by its name, for example `TERM`. Panics if the process has ended already.
pub(super) async fn send_signal(process: &Child, name: &str) {
    let pid = process.id().expect("the process runs").to_string();
    let mut command = Command::new("kill");
    let status = command.args([&format!("-{name}"), &pid]).status().await.expect("kill is installed");
    assert!(status.success(), "kill sends the signal");
}
