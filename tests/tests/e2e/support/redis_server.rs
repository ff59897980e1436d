use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A Redis of one's own, which can be killed and started again empty.
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    running: Child,
}

impl RedisServer {
    pub(crate) async fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let folder = TempDir::new().expect("a temporary folder");
        let running = run(port, &folder).await;
        Self { port, folder, running }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills it; what it held is gone.
    pub(crate) async fn kill(&mut self) {
        self.running.kill().await.expect("it can be killed");
    }

    /// Starts it again, empty.
    pub(crate) async fn restart(&mut self) {
        self.running = run(self.port, &self.folder).await;
    }
}

async fn run(port: u16, folder: &TempDir) -> Child {
    let child = Command::new(testkit::services::redis_server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--maxmemory-policy", "noeviction", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Redis starts");
    for _ in 0..200 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("Redis does not listen");
}
