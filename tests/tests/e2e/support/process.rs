use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::Client;
use super::command::{Environment, outdial, send_signal};

/// A gateway in a process of its own, started with `outdial serve`. The process is killed when its
/// handle is dropped.
pub(crate) struct Process {
    pub client: Client,
    child: Child,
    log: Arc<Mutex<String>>,
    log_reader: JoinHandle<()>,
}

impl Process {
    /// Returns once the process serves.
    pub(super) async fn serve(settings: &Environment) -> Self {
        let mut settings = settings.clone();
        settings.insert("OUTDIAL_LOG_FORMAT", "json".to_owned());
        let mut command = outdial(&["serve"], &settings);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("outdial starts");
        let mut lines = BufReader::new(child.stderr.take().expect("the log is piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (stored_log, (address_sender, address)) = (log.clone(), oneshot::channel());
        let log_reader = tokio::spawn(async move {
            let mut address_sender = Some(address_sender);
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = serving_address(&line)
                    && let Some(sender) = address_sender.take()
                {
                    let _ = sender.send(address);
                }
                let mut log = stored_log.lock().expect("no test panics while it reads the log");
                log.push_str(&line);
                log.push('\n');
            }
        });
        match timeout(Duration::from_secs(30), address).await {
            Ok(Ok(address)) => Self { client: Client::new(address, "u1"), child, log, log_reader },
            _ => panic!("outdial does not serve: {}", log.lock().expect("the log reader does not panic")),
        }
    }

    /// The address of the log line with this message.
    pub(crate) fn logged_address(&self, message: &str) -> SocketAddr {
        let log = self.log();
        let address = log.lines().find_map(|line| address_in(line, message));
        address.unwrap_or_else(|| panic!("no address with {message:?} in {log}"))
    }

    /// Everything that the process has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log reader does not panic").clone()
    }

    /// Closes the reading end of the log, as a crashed log collector does: every later write to
    /// the log fails.
    pub(crate) async fn close_log(&mut self) {
        self.log_reader.abort();
        let ended = (&mut self.log_reader).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the process closed its log first");
    }

    /// Sends a signal by its name, for example `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        send_signal(&self.child, name).await;
    }

    /// Waits until the process has ended without being killed, for a minute at most.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(Duration::from_secs(60), self.child.wait()).await;
        ended.expect("the process ends within a minute").expect("the process can be waited for")
    }

    /// Kills the process without any notice, as a crash does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("the process runs");
    }
}

/// The address in the log line that announces that the gateway serves.
fn serving_address(line: &str) -> Option<SocketAddr> {
    address_in(line, "serving")
}

fn address_in(line: &str, message: &str) -> Option<SocketAddr> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    event["address"].as_str().filter(|_| event["message"] == message)?.parse().ok()
}
