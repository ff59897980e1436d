use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::client::Client;

/// `outdial serve`, in a process of its own. Killed when dropped.
pub(crate) struct Process {
    pub client: Client,
    child: Child,
    log: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

/// The program, which the workspace's tests are built together with.
fn outdial() -> PathBuf {
    let mut path = std::env::current_exe().expect("this program has a path");
    path.pop();
    path.pop();
    path.push("outdial");
    assert!(path.exists(), "{} is not built: run the tests of the whole workspace", path.display());
    path
}

fn command(arguments: &[&str], settings: &BTreeMap<&'static str, String>) -> Command {
    let mut command = Command::new(outdial());
    command.args(arguments).env_clear().envs(settings).stdin(Stdio::null()).kill_on_drop(true);
    command.current_dir(std::env::temp_dir());
    command
}

/// Runs a command to its end.
pub(crate) async fn run_outdial(arguments: &[&str], settings: &BTreeMap<&'static str, String>) -> Output {
    command(arguments, settings).output().await.expect("the program starts")
}

/// Starts a command in a folder, with these settings alone and its output piped.
pub(crate) fn outdial_in(folder: &Path, arguments: &[&str], settings: &[(&'static str, &str)]) -> Child {
    let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let mut command = command(arguments, &settings);
    command
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

impl Process {
    pub(super) async fn serve(settings: &BTreeMap<&'static str, String>) -> Self {
        let mut settings = settings.clone();
        settings.insert("OUTDIAL_LOG_FORMAT", "json".to_owned());
        let mut command = command(&["serve"], &settings);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, (say, said)) = (log.clone(), tokio::sync::oneshot::channel::<SocketAddr>());
        let reader = tokio::spawn(async move {
            let mut say = Some(say);
            while let Ok(Some(line)) = lines.next_line().await {
                let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                let address = event["address"].as_str().filter(|_| event["message"] == "serving");
                if let Some(address) = address.and_then(|address| address.parse().ok())
                    && let Some(say) = say.take()
                {
                    let _ = say.send(address);
                }
                let mut log = kept.lock().expect("no panic");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = tokio::time::timeout(Duration::from_secs(30), said).await;
        match address {
            Ok(Ok(address)) => Self { client: Client::new(address, "u1"), child, log, reader },
            _ => panic!("outdial does not serve: {}", log.lock().expect("no panic")),
        }
    }

    /// Everything that it logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Lets go of its log, as a collector does that dies: every line fails from now on.
    pub(crate) async fn stop_reading_its_log(&mut self) {
        self.reader.abort();
        let ended = (&mut self.reader).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the process was still writing");
    }

    /// Sends a signal by its name, `TERM` say.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent =
            Command::new("kill").args([&format!("-{name}"), &pid]).status().await.expect("kill is there");
        assert!(sent.success(), "the signal is sent");
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        ended.expect("it ends within a minute").expect("it can be waited for")
    }

    /// Kills it as a crash would, at once and without a word.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }
}
