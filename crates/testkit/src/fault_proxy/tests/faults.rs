//! What each fault does.

use std::time::{Duration, Instant};

use super::{Ended, Fault, Socket, Upstream, works};

#[tokio::test]
async fn a_refused_connection_is_reset_and_so_are_the_open_ones() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut open, mut opened) = upstream.connect(&proxy).await;
    works(&mut open, &mut opened).await;

    proxy.set(Fault::Refuse);
    assert_eq!((open.end().await, opened.end().await), (Ended::Reset, Ended::Reset));
    assert_eq!(Socket::connect(&proxy).await.end().await, Ended::Reset);
    assert_eq!(proxy.accepted(), 2);

    proxy.set(Fault::None);
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn delayed_bytes_come_late_and_in_their_order() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    let (requests, answers) = (Duration::from_millis(40), Duration::from_millis(80));
    proxy.set(Fault::Delay { requests, answers });

    let started = Instant::now();
    client.write("a").await;
    client.write("bc").await;
    client.close_own_side().await;
    server.expect("abc").await;
    assert!(started.elapsed() >= requests);
    assert_eq!(server.end().await, Ended::Closed);

    let started = Instant::now();
    server.write("answer").await;
    drop(server);
    client.expect("answer").await;
    assert!(started.elapsed() >= answers);
    assert_eq!(client.end().await, Ended::Closed);
}

#[tokio::test]
async fn a_trickle_forwards_everything_in_pieces() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    let every = Duration::from_millis(10);
    proxy.set(Fault::Trickle { bytes: 2, every });

    let started = Instant::now();
    client.write("request").await;
    server.expect("request").await;
    assert!(started.elapsed() >= every * 3, "four pieces");
    let started = Instant::now();
    server.write("answer").await;
    client.expect("answer").await;
    assert!(started.elapsed() >= every * 2, "three pieces");
}

#[tokio::test]
async fn held_bytes_pass_when_the_fault_ends() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    proxy.set(Fault::Hold);
    client.write("request").await;
    server.write("answer").await;
    server.expect_nothing().await;
    client.expect_nothing().await;

    proxy.set(Fault::HoldAnswers);
    server.expect("request").await;
    client.expect_nothing().await;

    proxy.set(Fault::None);
    client.expect("answer").await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_dropped_answer_never_comes() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    proxy.set(Fault::DropAnswers);
    client.write("request").await;
    server.expect("request").await;
    server.write("answer").await;
    client.expect_nothing().await;

    // A later answer would look like the one that was lost.
    proxy.set(Fault::None);
    client.write("again").await;
    server.expect("again").await;
    server.write("second answer").await;
    client.expect_nothing().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_black_hole_loses_bytes_and_closes_both_ways() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    let (mut quiet, mut untouched) = upstream.connect(&proxy).await;
    proxy.set(Fault::Blackhole);
    client.write("request").await;
    server.write("answer").await;
    server.expect_nothing().await;
    client.expect_nothing().await;

    proxy.set(Fault::None);
    client.write("again").await;
    server.expect_nothing().await;
    works(&mut quiet, &mut untouched).await;

    proxy.set(Fault::Blackhole);
    drop(client);
    server.expect_nothing().await;
    proxy.set(Fault::None);
    assert_eq!(server.end().await, Ended::Reset, "the client has gone");
}

#[tokio::test]
async fn a_reset_before_the_request_forwards_none_of_it() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    proxy.set(Fault::ResetBefore);
    let (mut new_client, mut new_server) = upstream.connect(&proxy).await;
    for (client, server) in [(&mut client, &mut server), (&mut new_client, &mut new_server)] {
        client.write("request").await;
        assert_eq!((server.end().await, client.end().await), (Ended::Reset, Ended::Reset));
    }
}

#[tokio::test]
async fn a_reset_after_the_request_forwards_all_that_has_arrived() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    // It arrives as a whole, and is more than one read of the proxy.
    let request = "request ".repeat(5_000);
    proxy.set(Fault::ResetAfter);
    client.write(&request).await;
    server.expect(&request).await;
    assert_eq!((server.end().await, client.end().await), (Ended::Reset, Ended::Reset));
}

#[tokio::test]
async fn an_answer_is_cut_after_its_first_bytes() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    for (fault, how, upstream_gets) in [
        (Fault::CutAnswer(3), Ended::Closed, Ended::Closed),
        (Fault::ResetAnswer(3), Ended::Reset, Ended::Reset),
    ] {
        proxy.set(Fault::None);
        let (mut client, mut server) = upstream.connect(&proxy).await;
        works(&mut client, &mut server).await;
        proxy.set(fault);
        server.write("an").await;
        client.expect("an").await;
        client.expect_nothing().await;
        server.write("swer").await;
        client.expect("s").await;
        assert_eq!((client.end().await, server.end().await), (how, upstream_gets));
    }
}

#[tokio::test]
async fn an_answer_is_cut_before_its_first_byte() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    for (fault, how) in [(Fault::CutAnswer(0), Ended::Closed), (Fault::ResetAnswer(0), Ended::Reset)] {
        proxy.set(fault);
        let (mut client, mut server) = upstream.connect(&proxy).await;
        client.write("request").await;
        server.expect("request").await;
        server.write("answer").await;
        assert_eq!(client.end().await, how);
    }
}
