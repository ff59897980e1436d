//! The servers that a URL names, and the connections to them: one server, the master that sentinels
//! name, or the masters of a cluster.

use deadpool::managed::{Manager, Metrics, RecycleResult};
use deadpool_redis::redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, Pipeline, RedisError,
    RedisResult, TlsMode, Value,
    aio::MultiplexedConnection,
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use domain::ports::PortUnavailable;
use tokio::sync::Mutex;

use crate::{
    failure,
    settings::RedisSettings,
    url::{Named, Topology},
};

/// Operations that may be queued for writing on one connection before further ones wait.
const MAX_QUEUED_WRITES: usize = 1024;

/// How often the driver sends a request of a cluster again, to the node that has its keys now.
const CLUSTER_RETRIES: u32 = 3;

/// Opens connections.
pub(crate) enum Servers {
    /// Always the same server.
    One(Box<deadpool_redis::Manager>),
    /// The master that the sentinels name when a connection is opened.
    Sentinels { client: Box<Mutex<SentinelClient>>, config: AsyncConnectionConfig },
    /// A connection to each master of a cluster.
    Cluster(Box<ClusterClient>),
}

/// A connection, which carries any number of requests at the same time. Clones share it.
#[derive(Clone)]
pub(crate) enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Makes one round trip. All keys of a request to a cluster must be in one hash slot.
    pub(crate) async fn exchange(&mut self, request: &Pipeline) -> RedisResult<Vec<RedisResult<Value>>> {
        match self {
            Self::Server(connection) => request.query_async(connection).await,
            Self::Cluster(connection) => request.query_async(connection).await,
        }
    }
}

impl Servers {
    /// Reads the URL. Opens no connection.
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, PortUnavailable> {
        let unusable = |_: RedisError| failure::because(failure::UNUSABLE_URL);
        let named = Named::parse(&settings.url).ok_or(failure::because(failure::UNUSABLE_URL))?;
        let nodes = named.nodes.iter().map(|url| connection_info(url)).collect::<RedisResult<Vec<_>>>();
        let nodes = nodes.map_err(unusable)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.operation_timeout))
            // The deadline of an operation covers all of its round trips.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(MAX_QUEUED_WRITES);
        match named.topology {
            Topology::One => {
                let node = nodes.into_iter().next().ok_or(failure::because(failure::UNUSABLE_URL))?;
                let manager = deadpool_redis::Manager::new_with_config(node, config).map_err(unusable)?;
                Ok(Self::One(Box::new(manager)))
            }
            Topology::Sentinels { master, credentials } => {
                let client = sentinels(&nodes, &master, credentials.as_deref()).map_err(unusable)?;
                Ok(Self::Sentinels { client: Box::new(Mutex::new(client)), config })
            }
            Topology::Cluster => {
                let client = ClusterClientBuilder::new(nodes)
                    .connection_timeout(settings.operation_timeout)
                    .response_timeout(settings.operation_timeout)
                    .retries(CLUSTER_RETRIES)
                    .tcp_settings(no_delay())
                    .build();
                Ok(Self::Cluster(Box::new(client.map_err(unusable)?)))
            }
        }
    }
}

impl Manager for Servers {
    type Type = Link;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Link> {
        match self {
            Self::One(manager) => manager.create().await.map(Link::Server),
            Self::Sentinels { client, config } => {
                let mut client = client.lock().await;
                client.get_async_connection_with_config(config).await.map(Link::Server)
            }
            Self::Cluster(client) => client.get_async_connection().await.map(Link::Cluster),
        }
    }

    /// Never called: a slot takes its connection out of the pool.
    async fn recycle(&self, _: &mut Link, _: &Metrics) -> RecycleResult<RedisError> {
        Ok(())
    }
}

/// A client that asks these sentinels for the master. The user and the database of the URL are those of
/// the master.
fn sentinels(
    nodes: &[ConnectionInfo],
    master: &str,
    credentials: Option<&str>,
) -> RedisResult<SentinelClient> {
    let addresses = nodes.iter().map(|node| node.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
        .set_client_to_redis_tcp_settings(no_delay())
        .set_client_to_sentinel_tcp_settings(no_delay());
    if let Some(node) = nodes.first() {
        let of_master = node.redis_settings();
        builder = builder.set_client_to_redis_db(of_master.db());
        if let Some(user) = of_master.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = of_master.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if matches!(node.addr(), ConnectionAddr::TcpTls { .. }) {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
    }
    if let Some(url) = credentials {
        let of_sentinels = url.into_connection_info()?;
        if let Some(user) = of_sentinels.redis_settings().username() {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = of_sentinels.redis_settings().password() {
            builder = builder.set_client_to_sentinel_password(password);
        }
    }
    builder.build()
}

pub(crate) fn connection_info(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let redis = info.redis_settings().clone().set_skip_set_lib_name();
    Ok(info.set_redis_settings(redis).set_tcp_settings(no_delay()))
}

/// Operations share a connection: without TCP_NODELAY, one would wait in the kernel until the packet of
/// another one is acknowledged.
fn no_delay() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
