//! The counters count: with a counter that stays at zero, the test of the cost would pass.

use std::time::Duration;

use deadpool_redis::redis;
use sqlx::{Connection as _, PgConnection};
use url::Url;

use super::postgres::PostgresReader;
use super::reader::{Reader, Sent};
use super::redis::RedisReader;
use super::{Counts, WireCounter};

/// The `host:port` of a service, and its URL through a proxy.
fn server(url: String) -> (String, impl Fn(&WireCounter) -> String) {
    let url = Url::parse(&url).expect("the service has a URL");
    let port = url.port().expect("the URL names a port");
    let server = format!("{}:{port}", url.host_str().expect("the URL names a host"));
    let through = move |proxy: &WireCounter| {
        let mut url = url.clone();
        url.set_ip_host(proxy.address().ip()).expect("the URL has a host");
        url.set_port(Some(proxy.address().port())).expect("the URL has a port");
        url.into()
    };
    (server, through)
}

#[tokio::test]
async fn statements_preparations_pings_and_connections_are_counted() {
    let (server, through) = server(testkit::services::postgres_url());
    let counter = WireCounter::of_postgres(server).await;
    let mut first = PgConnection::connect(&through(&counter)).await.expect("Postgres is reachable");
    let mut second = PgConnection::connect(&through(&counter)).await.expect("Postgres is reachable");
    assert_eq!(counter.counts().connections, 2);

    counter.reset();
    for _ in 0..2 {
        sqlx::query("select 1").execute(&mut first).await.expect("the statement is valid");
    }
    sqlx::raw_sql("select 2; select 3").execute(&mut first).await.expect("the statement is valid");
    first.ping().await.expect("Postgres responds");
    let prepared_once = Counts {
        requests: 3,
        prepared: 1,
        pings: 1,
        round_trips: 5,
        sequential_round_trips: 4,
        connections: 0,
    };
    assert_eq!(counter.counts(), prepared_once);

    counter.reset();
    counter.delay_responses_by(Duration::from_millis(100));
    let (one, other) = (sqlx::raw_sql("select 1"), sqlx::raw_sql("select 2"));
    let (one, other) = tokio::join!(one.execute(&mut first), other.execute(&mut second));
    one.and(other).expect("the statements are valid");
    let concurrent = Counts { requests: 2, round_trips: 2, sequential_round_trips: 1, ..Counts::default() };
    assert_eq!(counter.counts(), concurrent);
}

#[tokio::test]
async fn each_command_of_a_pipeline_is_counted_in_one_round_trip() {
    let (server, through) = server(testkit::services::redis_url());
    let counter = WireCounter::of_redis(server).await;
    let client = redis::Client::open(through(&counter)).expect("the URL is valid");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis is reachable");
    assert_eq!(counter.counts().connections, 1);

    counter.reset();
    counter.delay_responses_by(Duration::from_millis(100));
    let pipeline = redis::pipe().cmd("ECHO").arg("a\r\n*1").cmd("ECHO").arg("").cmd("PING").clone();
    let _: Vec<String> = pipeline.query_async(&mut connection).await.expect("Redis responds");
    let _: String = redis::cmd("PING").query_async(&mut connection).await.expect("Redis responds");
    let counted = Counts { requests: 4, round_trips: 2, sequential_round_trips: 2, ..Counts::default() };
    assert_eq!(counter.counts(), counted);
}

#[test]
fn a_message_counts_when_its_last_byte_is_read() {
    let startup = [&[0, 0, 0, 8][..], &[0, 3, 0, 0]].concat();
    let statement = [&b"E\0\0\0\x09\0\0\0\0\0"[..], b"S\0\0\0\x04", b"S\0\0\0\x04"].concat();
    let read = byte_by_byte::<PostgresReader>(&[startup, statement].concat());
    assert_eq!(read, [Sent::Request, Sent::End, Sent::Ping]);

    let read = byte_by_byte::<RedisReader>(b"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n*1\r\n$4\r\nPING\r\n");
    assert_eq!(read, [Sent::Request, Sent::End, Sent::Request, Sent::End]);
}

fn byte_by_byte<R: Reader>(bytes: &[u8]) -> Vec<Sent> {
    let mut reader = R::default();
    bytes.chunks(1).flat_map(|byte| reader.read(byte)).collect()
}
