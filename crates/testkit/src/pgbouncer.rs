//! A PgBouncer of a test's own, in front of the shared server.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{eventually, services};

/// PgBouncer, on a port of its own.
pub struct PgBouncer {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl PgBouncer {
    /// Lines for transaction mode, with four sessions.
    pub const IN_TRANSACTION_MODE: &str = "pool_mode = transaction\ndefault_pool_size = 4\n";

    /// Lines for transaction mode in which it loses prepared statements, and these. Releases from 1.21
    /// can be told to lose them, as earlier ones do.
    #[must_use]
    pub fn losing_statements(settings: &str) -> String {
        let switch = if Self::keeps_prepared_statements() { "max_prepared_statements = 0\n" } else { "" };
        format!("{}{settings}{switch}", Self::IN_TRANSACTION_MODE)
    }

    /// Whether this release can keep prepared statements: since 1.21.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn keeps_prepared_statements() -> bool {
        let output = Command::new(services::pgbouncer()).arg("--version").output();
        let text = String::from_utf8(output.expect("TEST_PGBOUNCER can be started").stdout).expect("UTF-8");
        let version = text.split_whitespace().nth(1).expect("a version");
        let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
        numbers.as_slice() >= [1, 21].as_slice()
    }

    /// Starts it with these lines in its configuration.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start(settings: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let folder = TempDir::new().expect("a temporary folder");
        let process = spawn(&folder, port, settings);
        let pooler = Self { process, port, folder };
        pooler.wait_until_ready().await;
        pooler
    }

    /// Replaces the process by one with other settings.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn restart(&mut self, settings: &str) {
        self.process.kill().expect("our own process");
        self.process.wait().expect("our own process");
        self.process = spawn(&self.folder, self.port, settings);
        self.wait_until_ready().await;
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    async fn wait_until_ready(&self) {
        eventually("PgBouncer listens", async || TcpStream::connect(self.address()).await.is_ok()).await;
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &TempDir, port: u16, settings: &str) -> Child {
    let server: url::Url = services::postgres_url().parse().expect("a URL");
    let (host, server_port) = (server.host_str().unwrap_or("127.0.0.1"), server.port().unwrap_or(5432));
    let mut login = format!("user={}", server.username());
    if let Some(password) = server.password() {
        login = format!("{login} password={password}");
    }
    let text = format!(
        "[databases]\n* = host={host} port={server_port} {login}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n{settings}\n"
    );
    let file = folder.path().join("pgbouncer.ini");
    std::fs::write(&file, text).expect("the folder is writable");
    let mut command = Command::new(services::pgbouncer());
    // It refuses to run as root.
    if file.metadata().expect("the file exists").uid() == 0 {
        command.args(["-u", "nobody"]);
    }
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("TEST_PGBOUNCER can be started")
}
