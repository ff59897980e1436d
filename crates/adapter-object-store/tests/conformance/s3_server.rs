//! An S3 server on its own port: it checks every signature and stores its objects in a folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) const BUCKET: &str = "recorded-calls";
pub(crate) const KEY_ID: &str = "AKIDTESTKEY";
pub(crate) const SECRET: &str = "the-secret-of-the-bucket";

pub(crate) struct S3Server {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    serving: Mutex<JoinHandle<()>>,
}

impl S3Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket is a folder");
        let files = FileSystem::new(folder.path()).expect("a folder");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let serving = Mutex::new(tokio::spawn(serve(listener, service.build())));
        Self { address, folder, serving }
    }

    /// Closes every connection and accepts no new ones.
    pub(crate) fn stop(&self) {
        self.serving.lock().expect("no code panics while it holds this lock").abort();
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(path)
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    // Dropping the set with this task closes the connections.
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.expect("the port is open");
        let service = service.clone();
        connections.spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            // An error means that the client closed the connection.
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}
