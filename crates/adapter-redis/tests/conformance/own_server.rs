//! A server process of one test's own, to be configured, killed and restarted.

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
}

impl OwnServer {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let process = spawn(port, &folder);
        let server = Self { process, folder, port };
        server.wait_until_ready().await;
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it with no chance to write.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it is our child");
        self.process.wait().expect("it is our child");
    }

    /// Starts it again, empty, where it was.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(self.port, &self.folder);
        self.wait_until_ready().await;
    }

    /// A store on this server, with one connection.
    pub(crate) fn store(&self) -> RedisStore {
        self.store_at(format!("redis://{}", self.address()))
    }

    /// A store on this server under a URL of the test's own.
    pub(crate) fn store_at(&self, url: String) -> RedisStore {
        RedisStore::connect(&RedisSettings {
            max_connections: 1,
            operation_timeout: Duration::from_millis(1200),
            ..RedisSettings::new(url)
        })
        .expect("the settings are good")
    }

    /// A connection for the test itself.
    pub(crate) async fn direct(&self) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://{}", self.address())).expect("a good URL");
        client.get_multiplexed_async_connection().await.expect("the server is there")
    }

    async fn wait_until_ready(&self) {
        let client = redis::Client::open(format!("redis://{}", self.address())).expect("a good URL");
        for _ in 0..200 {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not come up within 10 s");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may be dead already, which is what this wants.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a command and panics unless it is carried out.
pub(crate) async fn told(direct: &mut MultiplexedConnection, words: &str) {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().expect("a command has a name"));
    for word in words {
        command.arg(word);
    }
    command.exec_async(direct).await.expect("the server does as it is told");
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    Command::new(testkit::services::redis_server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("TEST_REDIS_SERVER can be started")
}
