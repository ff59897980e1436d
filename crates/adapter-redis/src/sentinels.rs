use deadpool_redis::redis::{
    self, AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo as _, RedisError, RedisResult,
};
use domain::ports::PortUnavailable;

use crate::failure;
use crate::servers::connection_info;
use crate::settings::RedisSettings;
use crate::store::RedisStore;
use crate::url::{Named, Topology};

/// What the sentinels of a URL say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinels {
    /// The name of the master in the URL.
    pub master: String,
    /// Each sentinel.
    pub sentinels: Vec<SentinelInspection>,
}

/// What one sentinel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentinelInspection {
    /// Its `HOST:PORT`.
    pub address: String,
    /// The address of the master; `None` if it knows no master with the name of the URL.
    pub master: Result<Option<String>, PortUnavailable>,
}

impl RedisStore {
    /// Asks each sentinel of the URL for the master. `None` if the URL names no sentinels.
    ///
    /// # Errors
    ///
    /// The URL cannot be used.
    pub async fn inspect_sentinels(settings: &RedisSettings) -> Result<Option<Sentinels>, PortUnavailable> {
        let unusable = || failure::because(failure::UNUSABLE_URL);
        let named = Named::parse(&settings.url).ok_or_else(unusable)?;
        let Topology::Sentinels { master, credentials } = named.topology else { return Ok(None) };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.operation_timeout))
            .set_response_timeout(Some(settings.operation_timeout));
        let mut sentinels = Vec::new();
        for url in &named.nodes {
            let info = of_sentinel(url, credentials.as_deref()).map_err(|_| unusable())?;
            let address = info.addr().to_string();
            let asked = ask(info, &config, &master).await;
            sentinels
                .push(SentinelInspection { address, master: asked.map_err(|error| failure::of(&error)) });
        }
        Ok(Some(Sentinels { master, sentinels }))
    }
}

/// The user and the database of the URL are those of the master.
fn of_sentinel(url: &str, credentials: Option<&str>) -> RedisResult<ConnectionInfo> {
    let own = match credentials {
        Some(url) => url.into_connection_info()?.redis_settings().clone(),
        None => redis::RedisConnectionInfo::default(),
    };
    Ok(connection_info(url)?.set_redis_settings(own.set_skip_set_lib_name()))
}

async fn ask(
    info: ConnectionInfo,
    config: &AsyncConnectionConfig,
    master: &str,
) -> Result<Option<String>, RedisError> {
    let client = Client::open(info)?;
    let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
    let mut question = redis::cmd("SENTINEL");
    let answer: Option<(String, String)> =
        question.arg("get-master-addr-by-name").arg(master).query_async(&mut connection).await?;
    Ok(answer.map(|(host, port)| format!("{host}:{port}")))
}
