//! A Redis Cluster, one of whose masters is lost while calls are placed.

use std::net::TcpListener;
use std::time::Duration;

use deadpool_redis::redis;
use futures_util::future::join_all;
use simulator::Behaviour;
use testkit::eventually_within;

use crate::support::Backing::PostgresAndRedis;
use crate::support::{Client, RedisServer, World};

/// The nodes have to agree, and the machine may be busy.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
const MASTERS: usize = 3;
/// Each number is called by four clients.
const NUMBERS: usize = 40;
/// A failover takes some seconds.
const TRIES: usize = 60;

/// Three masters, and then a replica of each.
struct Cluster(Vec<RedisServer>);

impl Cluster {
    async fn start() -> Self {
        let (mut nodes, mut bus_ports) = (Vec::new(), Vec::new());
        for _ in 0..2 * MASTERS {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let bus_port = listener.local_addr().expect("the listener is bound").port().to_string();
            drop(listener);
            // The options of a server live as long as the test.
            let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-port"];
            let more = ["--repl-diskless-sync-delay", "0"];
            let options = options.into_iter().map(str::to_owned).chain([bus_port.clone()]);
            let options: Vec<&'static str> = options.map(|option| &*option.leak()).chain(more).collect();
            nodes.push(RedisServer::start_with(options.leak()).await);
            bus_ports.push(bus_port);
        }
        let first = nodes[0].server();
        let (host, port) = first.split_once(':').expect("a host and a port");
        for (at, node) in nodes.iter().enumerate() {
            ask(node, &["SET-CONFIG-EPOCH", &(at + 1).to_string()]).await;
            if at < MASTERS {
                let (from, until) = (16384 * at / MASTERS, 16384 * (at + 1) / MASTERS - 1);
                ask(node, &["ADDSLOTSRANGE", &from.to_string(), &until.to_string()]).await;
            }
            if at > 0 {
                ask(node, &["MEET", host, port, &bus_ports[0]]).await;
            }
        }
        for (at, node) in nodes.iter().enumerate() {
            wait_for(node, &format!("cluster_known_nodes:{}", 2 * MASTERS)).await;
            if let Some(master) = at.checked_sub(MASTERS) {
                let id = ask(&nodes[master], &["MYID"]).await;
                ask(node, &["REPLICATE", &id]).await;
            }
        }
        for node in &nodes {
            wait_for(node, "cluster_state:ok").await;
        }
        for replica in &nodes[MASTERS..] {
            eventually_within(SETTLES_WITHIN, "the replica has the data of its master", async || {
                command(replica, &["INFO", "replication"]).await.contains("master_link_status:up")
            })
            .await;
        }
        Self(nodes)
    }

    fn url(&self) -> String {
        let nodes: Vec<String> = self.0.iter().map(RedisServer::server).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }
}

async fn ask(node: &RedisServer, words: &[&str]) -> String {
    command(node, &[&["CLUSTER"], words].concat()).await
}

async fn command(node: &RedisServer, words: &[&str]) -> String {
    let client = redis::Client::open(node.url()).expect("a valid URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the node is available");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection).await.expect("the node executes the command")
}

async fn wait_for(node: &RedisServer, line: &str) {
    eventually_within(SETTLES_WITHIN, line, async || {
        ask(node, &["INFO"]).await.lines().any(|found| found == line)
    })
    .await;
}

/// Calls the numbers in turn. What a client gets while the cluster has no master for a lock may be sent
/// again. A lock whose reply or result was lost with the master stays for its time, and is not waited for.
async fn call_all(client: Client, first: usize) -> usize {
    let mut answered = 0;
    for at in 0..NUMBERS {
        let number = format!("+14165557{:03}", (first + at) % NUMBERS);
        for _ in 0..TRIES {
            let response = client.call_number(&number).await;
            if response.status == 200 {
                answered += 1;
                break;
            }
            let may_be_sent_again = ["OUTBOUND_IN_FLIGHT", "SERVICE_UNAVAILABLE"];
            assert!(may_be_sent_again.contains(&response.code()), "{}", response.body);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    answered
}

/// The reservation in Postgres blocks a second dial whose lock was lost with the master.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_person_is_dialled_twice_while_a_master_is_replaced() {
    let mut cluster = Cluster::start().await;
    let world = World::new(PostgresAndRedis)
        .await
        .with("OUTDIAL_REDIS_URL", cluster.url())
        // Longer than the test: a request after the time of a result is a new call.
        .with("OUTDIAL_LOCK_TTL_MS", "600000");
    world.script(Behaviour::Answer { after_ms: 300 });
    let gateway = world.start().await;
    let callers: Vec<_> =
        (0..4).map(|n| tokio::spawn(call_all(gateway.client.clone(), n / 2 * 20))).collect();
    world.wait_for_dials(6).await;
    cluster.0[0].kill().await;
    for ended in join_all(callers).await {
        let answered = ended.expect("the responses are those of a store that is replaced");
        assert!(answered >= NUMBERS / 2, "{answered} of {NUMBERS} numbers have a call");
    }
    for at in 0..NUMBERS {
        let dials = world.simulator.dials_to(&format!("+14165557{at:03}"));
        assert!(dials <= 1, "number {at} was dialled {dials} times");
    }
    // Each master has locks of some of these.
    for at in 0..10 {
        let response = gateway.client.call_number(&format!("+14165558{at:03}")).await;
        assert_eq!(response.status, 200, "{}", response.body);
    }
    gateway.stop().await;
}
