//! How connections end, and what the upstream receives of a client that has ended.

use super::{Ended, Fault, Upstream, works};

#[tokio::test]
async fn each_side_can_close_its_direction_and_still_read() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    client.write("request").await;
    client.close_own_side().await;
    server.expect("request").await;
    assert_eq!(server.end().await, Ended::Closed);
    server.write("answer").await;
    client.expect("answer").await;
    drop(server);
    assert_eq!(client.end().await, Ended::Closed);

    let (mut client, mut server) = upstream.connect(&proxy).await;
    server.write("banner").await;
    server.close_own_side().await;
    client.expect("banner").await;
    assert_eq!(client.end().await, Ended::Closed);
    client.write("request").await;
    server.expect("request").await;
    drop(client);
    assert_eq!(server.end().await, Ended::Closed);
}

#[tokio::test]
async fn a_reset_of_the_upstream_reaches_the_client_after_the_answer() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    server.write("ans").await;
    client.expect("ans").await;
    server.reset();
    assert_eq!(client.end().await, Ended::Reset);
}

#[tokio::test]
async fn a_reset_of_the_client_ends_the_connection_of_the_upstream() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    client.reset();
    assert_eq!(server.end().await, Ended::Closed);
}

#[tokio::test]
async fn what_a_closed_client_had_sent_is_delivered() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    for resets in [false, true] {
        let (mut client, mut server) = upstream.connect(&proxy).await;
        works(&mut client, &mut server).await;
        proxy.set(Fault::Hold);
        client.write("request").await;
        if resets {
            client.reset();
        } else {
            drop(client);
        }
        server.expect_nothing().await;
        proxy.set(Fault::None);
        server.expect("request").await;
        assert_eq!(server.end().await, Ended::Closed, "resets: {resets}");
    }
}

#[tokio::test]
async fn what_a_closed_client_had_sent_is_lost_if_it_is_not_delivered() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    proxy.deliver_after_close(false);
    for resets in [false, true] {
        proxy.set(Fault::None);
        let (mut client, mut server) = upstream.connect(&proxy).await;
        works(&mut client, &mut server).await;
        proxy.set(Fault::Hold);
        client.write("request").await;
        server.expect_nothing().await;
        if resets {
            client.reset();
        } else {
            drop(client);
        }
        assert_eq!(server.end().await, Ended::Reset, "resets: {resets}");
    }
}

#[tokio::test]
async fn the_rest_of_the_requests_is_delivered_although_no_client_takes_the_answer() {
    let (upstream, proxy) = Upstream::with_proxy().await;
    let (mut client, mut server) = upstream.connect(&proxy).await;
    works(&mut client, &mut server).await;
    let (requests, answers) = (std::time::Duration::from_millis(150), std::time::Duration::ZERO);
    proxy.set(Fault::Delay { requests, answers });
    client.write("request").await;
    client.reset();
    server.write("answer").await;
    server.expect("request").await;
}
