use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{HEAD_START, NotOpened, Sessions, means};
use crate::hosts::{Hosts, Timeline};

/// How a scripted server responds.
#[derive(Clone, Copy)]
enum Script {
    /// It accepts writes, on this timeline of the cluster 7, and responds after this time.
    Primary(i64, Duration),
    Standby,
    /// It refuses the password.
    Refuses,
}

/// A server that speaks as much of the protocol as opening a session needs.
async fn server(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, script));
        }
    });
    address
}

async fn serve(mut socket: TcpStream, script: Script) -> std::io::Result<()> {
    let length = socket.read_u32().await?;
    socket.read_exact(&mut vec![0; length as usize - 4]).await?;
    if let Script::Refuses = script {
        return socket.write_all(&message(b'E', b"SFATAL\0VFATAL\0C28P01\0Mno\0\0")).await;
    }
    let ready = message(b'Z', b"I");
    socket.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat()).await?;
    loop {
        let kind = socket.read_u8().await?;
        let length = socket.read_u32().await?;
        socket.read_exact(&mut vec![0; length as usize - 4]).await?;
        if kind != b'Q' {
            return Ok(());
        }
        let number = if let Script::Primary(timeline, after) = script {
            tokio::time::sleep(after).await;
            Some(timeline.to_string())
        } else {
            None
        };
        let is_read_only = if number.is_some() { "off" } else { "on" };
        let row = [Some(is_read_only.to_owned()), number, Some("7".to_owned())];
        let replies = [columns(&[25, 20, 20]), values(&row), message(b'C', b"SELECT 1\0"), ready.clone()];
        socket.write_all(&replies.concat()).await?;
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

fn columns(types: &[u32]) -> Vec<u8> {
    let mut body = u16::try_from(types.len()).expect("few columns").to_be_bytes().to_vec();
    for oid in types {
        body.extend(b"column\0");
        body.extend([0; 6]);
        body.extend(oid.to_be_bytes());
        body.extend([0xff; 6]);
        body.extend([0; 2]);
    }
    message(b'T', &body)
}

fn values(row: &[Option<String>]) -> Vec<u8> {
    let mut body = u16::try_from(row.len()).expect("few columns").to_be_bytes().to_vec();
    for value in row {
        match value {
            Some(text) => {
                body.extend(u32::try_from(text.len()).expect("it is short").to_be_bytes());
                body.extend(text.as_bytes());
            }
            None => body.extend([0xff; 4]),
        }
    }
    message(b'D', &body)
}

fn sessions(servers: &[SocketAddr]) -> Sessions {
    let servers: Vec<_> = servers.iter().map(SocketAddr::to_string).collect();
    let url = format!("postgres://me:p@{}/d?sslmode=disable", servers.join(","));
    Sessions::new(Hosts::parse(&url).expect("a URL"), false)
}

/// The port of the server that a session was opened with.
async fn opened(sessions: &Sessions) -> Result<u16, NotOpened> {
    let session = sessions.open().await?;
    drop(session);
    Ok(sessions.base().get_port())
}

/// A former primary that came back before it was fenced responds first, and accepts writes.
#[tokio::test]
async fn a_former_primary_is_not_used_if_the_primary_responds_in_time() {
    let former = server(Script::Primary(1, Duration::ZERO)).await;
    let primary = server(Script::Primary(2, HEAD_START / 4)).await;
    for servers in [[former, primary], [primary, former]] {
        let sessions = sessions(&servers);
        for _ in 0..3 {
            assert_eq!(opened(&sessions).await.ok(), Some(primary.port()));
        }
    }
}

/// What this process has seen is not forgotten, however late the primary responds.
#[tokio::test]
async fn a_former_primary_is_refused_once_a_newer_one_was_seen() {
    let former = server(Script::Primary(1, Duration::ZERO)).await;
    let primary = server(Script::Primary(2, Duration::ZERO)).await;
    let gone = server(Script::Standby).await;
    assert_eq!(opened(&sessions(&[primary, former])).await.ok(), Some(primary.port()));
    let timeline = Timeline { cluster: 7, number: 2 };
    for servers in [[gone, former], [former, gone]] {
        let later = sessions(&servers);
        assert_eq!(later.hosts.note(timeline), None);
        assert!(matches!(opened(&later).await, Err(NotOpened::ReadOnly)));
    }
    // A slow primary is waited for.
    let slow = server(Script::Primary(2, HEAD_START * 3)).await;
    let later = sessions(&[former, slow]);
    assert_eq!(later.hosts.note(timeline), None);
    assert_eq!(opened(&later).await.ok(), Some(slow.port()));
}

/// The primary may be the one that does not respond: the password of the other one says nothing of it.
#[tokio::test]
async fn a_refusal_counts_if_every_server_refuses() {
    let refuses = server(Script::Refuses).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("it is bound")
    };
    for servers in [[refuses, closed], [closed, refuses]] {
        let failure = opened(&sessions(&servers)).await;
        assert!(matches!(failure, Err(NotOpened::Failed(sqlx::Error::Io(_)))), "one may still come back");
    }
    let standby = server(Script::Standby).await;
    assert!(matches!(opened(&sessions(&[refuses, standby])).await, Err(NotOpened::ReadOnly)));
    let failure = opened(&sessions(&[refuses, refuses])).await;
    let Err(NotOpened::Failed(error)) = failure else { panic!("both refuse") };
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    assert_eq!(code.as_deref(), Some("28P01"));
}

#[test]
fn postgres_shows_a_time_in_its_largest_whole_unit() {
    for (shown, value) in [
        ("read committed", "read committed"),
        ("500ms", "500ms"),
        ("3s", "3000ms"),
        ("1min", "60s"),
        ("90s", "90000ms"),
        ("1h", "3600000ms"),
        ("2d", "172800s"),
        ("0", "0"),
    ] {
        assert!(means(shown, value), "{shown} {value}");
    }
    for (shown, value) in [
        ("serializable", "read committed"),
        ("4s", "3000ms"),
        ("3min", "3s"),
        ("3000", "3s"),
        ("1h", "3601s"),
        ("0", "3000ms"),
        ("", "3000ms"),
    ] {
        assert!(!means(shown, value), "{shown} {value}");
    }
}
