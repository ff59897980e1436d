//! Which connections have a fault.

use super::super::FaultProxy;
use super::{Ended, Fault, Socket, Upstream, works};

#[tokio::test]
async fn a_fault_that_is_set_once_has_one_connection() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut first, mut first_server) = upstream.connect(&proxy).await;
    let (mut second, mut second_server) = upstream.connect(&proxy).await;

    // No bytes of the first connection are affected: they are a request.
    proxy.set_once(Fault::CutAnswer(2));
    first.write("request").await;
    first_server.expect("request").await;
    second_server.write("answer").await;
    second.expect("an").await;
    assert_eq!(second.end().await, Ended::Closed);
    first_server.write("answer").await;
    first.expect("answer").await;
    works(&mut first, &mut first_server).await;

    proxy.set_once(Fault::ResetBefore);
    first.write("request").await;
    assert_eq!((first.end().await, first_server.end().await), (Ended::Reset, Ended::Reset));
    let (mut third, mut third_server) = upstream.connect(&proxy).await;
    works(&mut third, &mut third_server).await;

    proxy.set_once(Fault::Refuse);
    assert_eq!(Socket::connect(&proxy).await.end().await, Ended::Reset);
    works(&mut third, &mut third_server).await;
    let (mut fourth, mut fourth_server) = upstream.connect(&proxy).await;
    works(&mut fourth, &mut fourth_server).await;
}

#[tokio::test]
async fn a_fault_for_all_ends_the_one_of_a_connection() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    proxy.set_once(Fault::Hold);
    client.write("request").await;
    server.expect_nothing().await;
    let (mut other, mut other_server) = upstream.connect(&proxy).await;
    works(&mut other, &mut other_server).await;
    proxy.set(Fault::None);
    server.expect("request").await;

    // One that no connection has got is forgotten.
    proxy.set_once(Fault::ResetBefore);
    proxy.set(Fault::None);
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_fault_of_the_open_connections_spares_new_ones() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    proxy.set_for_open(Fault::Hold);
    client.write("request").await;
    server.expect_nothing().await;
    let (mut new, mut new_server) = upstream.connect(&proxy).await;
    works(&mut new, &mut new_server).await;
    proxy.set(Fault::None);
    server.expect("request").await;
}

#[tokio::test]
async fn another_upstream_gets_new_connections_and_the_old_ones_are_reset() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    let other = Upstream::start().await;
    proxy.set_upstream(other.address().to_string());
    assert_eq!((client.end().await, server.end().await), (Ended::Reset, Ended::Reset));
    let (mut client, mut server) = other.connect(&proxy).await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_cut_resets_the_open_connections() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    proxy.cut_connections();
    assert_eq!((client.end().await, server.end().await), (Ended::Reset, Ended::Reset));
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
}

#[tokio::test]
async fn an_upstream_that_refuses_resets_the_client() {
    let proxy = {
        let upstream = Upstream::start().await;
        FaultProxy::start(upstream.address()).await
    };
    assert_eq!(Socket::connect(&proxy).await.end().await, Ended::Reset);
}

#[tokio::test]
async fn a_dropped_proxy_ends_its_connections() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    let address = proxy.address();
    drop(proxy);
    assert_eq!((client.end().await, server.end().await), (Ended::Closed, Ended::Closed));
    crate::eventually("the port is closed", async || tokio::net::TcpStream::connect(address).await.is_err())
        .await;
}
