//! A download: a response that is read in chunks.

use std::time::Duration;

use provider_client::{Download, DownloadTimes, RequestFailure};
use testkit::eventually;
use testkit::peer::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

#[path = "support/client.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use support::{LONG, SHORT, default_client};

const TIMES: DownloadTimes = DownloadTimes { head_within: LONG, chunk_within: LONG, body_within: LONG };
const HEAD: &str = "HTTP/1.1 200 S\r\ncontent-length: 900\r\n\r\n";

async fn download(peer: &Peer, times: DownloadTimes) -> Result<Download, RequestFailure> {
    let client = default_client(&peer.base_url());
    client.download(&client.endpoint(["audio"]), times).await
}

/// A peer that sends the beginning of a response, and then nothing.
async fn stalling(beginning: &'static str) -> Peer {
    Peer::start(move |mut connection| async move {
        connection.read_request().await;
        connection.write(beginning.as_bytes()).await;
        while connection.read_some().await > 0 {}
    })
    .await
}

#[tokio::test]
async fn a_body_is_read_to_its_end_also_if_the_connection_has_ended() {
    for head in ["content-length: 5\r\n", "transfer-encoding: chunked\r\n", ""] {
        let body = if head.starts_with('t') { "5\r\nvoice\r\n0\r\n\r\n" } else { "voice" };
        let peer = Peer::answering(format!("HTTP/1.1 200 S\r\n{head}\r\n{body}")).await;
        let mut download = download(&peer, TIMES).await.expect("a head");
        assert_eq!(download.status(), 200);
        assert_eq!(download.has_end(), !head.is_empty(), "{head}");
        assert_eq!(download.read_to_end(5).await.expect("a body"), b"voice", "{head}");
    }
    let peer = Peer::answering("HTTP/1.1 200 S\r\n\r\nvoice").await;
    let mut too_long = download(&peer, TIMES).await.expect("a head");
    assert!(matches!(too_long.read_to_end(4).await, Err(RequestFailure::ResponseTooLong)));
}

#[tokio::test]
async fn a_body_that_is_cut_or_stalls_is_a_failure() {
    let cut = Peer::answering(format!("{HEAD}voice")).await;
    let mut cut = download(&cut, TIMES).await.expect("a head");
    assert!(matches!(cut.read_to_end(900).await, Err(RequestFailure::ConnectionLost { .. })));

    let peer = stalling("HTTP/1.1 200 S\r\ncontent-length: 900\r\n\r\nvoice").await;
    for times in
        [DownloadTimes { chunk_within: SHORT, ..TIMES }, DownloadTimes { body_within: SHORT, ..TIMES }]
    {
        let mut stalled = download(&peer, times).await.expect("a head");
        assert!(matches!(stalled.read_to_end(900).await, Err(RequestFailure::TimedOut { .. })), "{times:?}");
    }
    let silent = stalling("").await;
    let times = DownloadTimes { head_within: SHORT, ..TIMES };
    assert!(matches!(download(&silent, times).await, Err(RequestFailure::TimedOut { .. })));
    assert_eq!(silent.received().len(), 2, "requests");
}

#[tokio::test]
async fn a_server_error_is_asked_about_a_second_time() {
    for (status, requests) in [(404, 1), (429, 1), (500, 2), (503, 2)] {
        let peer = Peer::answering(format!("HTTP/1.1 {status} S\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(download(&peer, TIMES).await.expect("a head").status(), status);
        assert_eq!(peer.received().len(), requests, "{status}");
    }
}

/// A download of hundreds of megabytes must not fill the memory, and must end with its reader.
#[tokio::test]
async fn a_peer_sends_no_faster_than_the_body_is_read_and_is_reset_with_it() {
    static CHUNK: [u8; 64 * 1024] = [7; 64 * 1024];
    let (sent, mut chunks) = mpsc::unbounded_channel();
    let peer = Peer::start(move |mut connection| {
        let sent = sent.clone();
        async move {
            connection.read_request().await;
            connection.write(b"HTTP/1.1 200 S\r\ncontent-length: 999999999999\r\n\r\n").await;
            while connection.stream.write_all(&CHUNK).await.is_ok() {
                sent.send(Some(())).expect("the test listens");
            }
            let reset = connection.stream.read(&mut [0]).await;
            sent.send(None).expect("the test listens");
            drop(reset);
        }
    })
    .await;
    let mut download = download(&peer, TIMES).await.expect("a head");
    download.next().await.expect("a chunk").expect("the peer sends");
    // The buffers of both sockets are full, so nothing more is sent.
    let mut in_flight = 0;
    while tokio::time::timeout(Duration::from_millis(300), chunks.recv()).await.is_ok() {
        in_flight += 1;
        assert!(in_flight < 1000, "the peer sends although the body is not read");
    }
    drop(download);
    eventually("the peer notices", async || matches!(chunks.try_recv(), Ok(None))).await;
}
