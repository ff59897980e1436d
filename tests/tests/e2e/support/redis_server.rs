use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use tempfile::TempDir;
use testkit::eventually;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A Redis server that one test owns. It stores nothing on disk, so a restart loses all keys.
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    options: &'static [&'static str],
    child: Child,
}

impl RedisServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with these options too, which replace those of [`RedisServer::start`].
    pub(crate) async fn start_with(options: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        drop(listener);
        let folder = TempDir::new().expect("a temporary folder can be created");
        let child = start_server(port, &folder, options).await;
        Self { port, folder, options, child }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.server())
    }

    /// The `host:port` of the server.
    pub(crate) fn server(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("Redis runs");
    }

    /// Starts the server again on the same port, without keys.
    pub(crate) async fn restart(&mut self) {
        self.child = start_server(self.port, &self.folder, self.options).await;
    }
}

async fn start_server(port: u16, folder: &TempDir, options: &[&str]) -> Child {
    let child = Command::new(testkit::services::redis_server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--maxmemory-policy", "noeviction", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Redis starts");
    eventually("Redis accepts connections", async || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
    })
    .await;
    child
}
