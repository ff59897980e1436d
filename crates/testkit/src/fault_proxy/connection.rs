use std::pin::pin;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::fault::Way;
use super::pipe::{self, End};
use super::switch::{Link, Switch};

/// Forwards one connection until it ends.
pub(super) async fn run(mut client: TcpStream, switch: Arc<Switch>) {
    let Some(link) = switch.accept() else { return reset(&client) };
    let connected = tokio::select! {
        () = link.cut() => None,
        connected = TcpStream::connect(link.upstream()) => connected.ok(),
    };
    let Some(mut server) = connected else { return reset(&client) };
    for stream in [&client, &server] {
        // A piece that waits for the next one would defeat `Fault::Trickle`.
        let _ = stream.set_nodelay(true);
    }
    let end = tokio::select! {
        () = link.cut() => Ending::Reset,
        end = forward(&mut client, &mut server, &link) => end,
    };
    if end == Ending::Reset {
        reset(&client);
        reset(&server);
    }
}

/// How both sockets of a connection end.
#[derive(PartialEq, Eq)]
enum Ending {
    Close,
    Reset,
}

async fn forward(client: &mut TcpStream, server: &mut TcpStream, link: &Link) -> Ending {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut requests = pin!(pipe::run(Way::Requests, link, from_client, to_server));
    let mut answers = pin!(pipe::run(Way::Answers, link, from_server, to_client));
    let (requests, answers) = tokio::select! {
        end = &mut requests => match end {
            // The upstream may still answer, or has said why it closed the connection.
            End::Finished | End::TargetGone => (end, answers.await),
            End::Close | End::Reset => (end, End::Finished),
        },
        end = &mut answers => match end {
            // The upstream gets the rest of what the client had sent.
            End::Finished | End::TargetGone => (requests.await, end),
            End::Close | End::Reset => (End::Finished, end),
        },
    };
    match (requests, answers) {
        (End::Reset | End::TargetGone, _) | (_, End::Reset) => Ending::Reset,
        (End::Finished | End::Close, End::Finished | End::Close | End::TargetGone) => Ending::Close,
    }
}

/// Makes the kernel reset the connection when the socket is closed.
fn reset(stream: &TcpStream) {
    // It fails for a connection that is reset already.
    let _ = stream.set_zero_linger();
}
