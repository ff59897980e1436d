//! A server process for one test, which the test configures, kills and restarts.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use adapter_redis::{RedisSettings, RedisStore};
use deadpool_redis::redis::{self, aio::MultiplexedConnection};
use tempfile::TempDir;

pub(crate) struct OwnServer {
    process: Child,
    folder: TempDir,
    port: u16,
    /// The arguments that only this server has.
    arguments: Vec<String>,
}

impl OwnServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with more arguments, separated by spaces.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let arguments: Vec<_> =
            arguments.iter().flat_map(|words| words.split(' ')).map(str::to_owned).collect();
        let folder = tempfile::tempdir().expect("a folder for the server");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let process = spawn(port, &folder, &arguments);
        let server = Self { process, folder, port, arguments };
        server.wait_until_ready().await;
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the process; the server cannot save anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the process is a child of the test");
        self.process.wait().expect("the process is a child of the test");
    }

    /// Starts an empty server on the same port.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(self.port, &self.folder, &self.arguments);
        self.wait_until_ready().await;
    }

    /// A store on this server, with one connection.
    pub(crate) fn store(&self) -> RedisStore {
        self.store_at(format!("redis://{}", self.address()))
    }

    pub(crate) fn store_at(&self, url: String) -> RedisStore {
        RedisStore::connect(&RedisSettings {
            max_connections: 1,
            operation_timeout: Duration::from_millis(1200),
            ..RedisSettings::new(url)
        })
        .expect("the settings are valid")
    }

    /// A connection for the test's own commands.
    pub(crate) async fn direct(&self) -> MultiplexedConnection {
        self.client().get_multiplexed_async_connection().await.expect("the server is available")
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(format!("redis://{}", self.address())).expect("a valid URL")
    }

    async fn wait_until_ready(&self) {
        let client = self.client();
        for _ in 0..200 {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not start within 10 s");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a command, given as words separated by spaces. Panics if the server reports an error.
pub(crate) async fn run(direct: &mut MultiplexedConnection, words: &str) {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().expect("a command has a name"));
    for word in words {
        command.arg(word);
    }
    command.exec_async(direct).await.expect("the server executes the command");
}

fn spawn(port: u16, folder: &TempDir, arguments: &[String]) -> Child {
    Command::new(testkit::services::redis_server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("TEST_REDIS_SERVER can be started")
}
