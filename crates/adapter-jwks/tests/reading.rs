//! A key set is read from a real file and over a real socket.

use adapter_jwks::{KeySetLocation, KeySetReader, MAX_KEY_SET_BYTES};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

fn reader(location: KeySetLocation) -> KeySetReader {
    KeySetReader::new(location).expect("a usable location")
}

/// Sends this response to one request, and returns the request.
async fn responding(response: String) -> (Url, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = vec![0; 4096];
        let len = stream.read(&mut request).await.expect("a request");
        // A reader that has seen enough may close the connection.
        drop(stream.write_all(response.as_bytes()).await);
        String::from_utf8_lossy(&request[..len]).into_owned()
    });
    let url = Url::parse(&format!("http://{address}/keys/jwks?policy=a"));
    (url.expect("a URL"), serving)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nlocation: /other\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_url_is_read_with_its_path_and_query_and_without_a_key() {
    let (url, serving) = responding(http("200 OK", r#"{"keys":[]}"#)).await;
    let document = reader(KeySetLocation::Url(url)).read().await;
    assert_eq!(document.expect("a document"), br#"{"keys":[]}"#);
    let request = serving.await.expect("a request");
    assert!(request.starts_with("GET /keys/jwks?policy=a HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("authorization"), "{request}");
}

#[tokio::test]
async fn another_status_and_a_long_document_are_errors() {
    let long = "x".repeat(MAX_KEY_SET_BYTES + 1);
    for (response, expected) in [
        (http("302 Found", ""), "HTTP status 302"),
        (http("404 Not Found", "{}"), "HTTP status 404"),
        (http("500 Internal Server Error", ""), "HTTP status 500"),
        (http("200 OK", &long), "larger than 256 KiB"),
    ] {
        let (url, _serving) = responding(response).await;
        let error = reader(KeySetLocation::Url(url)).read().await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_file_is_read_each_time() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("jwks.json");
    let reader = reader(KeySetLocation::File(path.clone()));
    let error = reader.read().await.expect_err("there is no file");
    assert!(error.to_string().contains("cannot be read"), "{error}");
    for content in ["first", "second"] {
        std::fs::write(&path, content).expect("the folder is writable");
        assert_eq!(reader.read().await.expect("a document"), content.as_bytes());
    }
    std::fs::write(&path, "x".repeat(MAX_KEY_SET_BYTES + 1)).expect("the folder is writable");
    let error = reader.read().await.expect_err("it is too long");
    assert!(error.to_string().contains("256 KiB"), "{error}");
}
