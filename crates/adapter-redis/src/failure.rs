//! Reasons for a failed operation: an operator can act on them, and they quote no data.

use deadpool_redis::{
    PoolError,
    redis::{ErrorKind, RedisError},
};
use domain::ports::PortUnavailable;

pub(crate) const INVALID_POOL: &str = "the connection pool has an invalid configuration";
pub(crate) const NO_CONNECTION: &str =
    "could not connect within the time limit: is the server running and reachable?";
pub(crate) const NO_REPLY: &str = "the server did not reply within the time limit: is it overloaded?";
pub(crate) const UNUSABLE_URL: &str = "the URL or its options are invalid: it must be redis://USER:PASSWORD@HOST:PORT/DATABASE \
     or redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/MASTER or redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT";
pub(crate) const CLUSTER_DOWN: &str =
    "the cluster does not serve all of its hash slots: are all of its masters running?";

pub(crate) fn because(reason: &'static str) -> PortUnavailable {
    PortUnavailable::new("redis", reason)
}

/// The reply has a form that Redis does not use for this command.
pub(crate) fn unexpected_reply() -> PortUnavailable {
    because("the server sent an unexpected reply to a command")
}

/// The server sent an error reply, or the connection failed. Error texts may quote keys, so only
/// the code of an error is used.
pub(crate) fn of(error: &RedisError) -> PortUnavailable {
    if let Some(reason) = error.code().and_then(|code| of_code(code, error.detail())) {
        return because(reason);
    }
    if error.is_connection_refusal() {
        return because("the server refused the connection: is it running at this address?");
    }
    if error.is_timeout() {
        return because(NO_REPLY);
    }
    if error.is_connection_dropped() {
        return because("the connection was lost");
    }
    match error.kind() {
        ErrorKind::MasterNameNotFoundBySentinel => because(
            "the sentinels name no master that responds: is the name of the master in OUTDIAL_REDIS_URL theirs?",
        ),
        ErrorKind::AuthenticationFailed => because("the server rejects the credentials"),
        ErrorKind::ClusterConnectionNotFound => because("no node of the cluster can be reached"),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => unexpected_reply(),
        ErrorKind::InvalidClientConfig => because(UNUSABLE_URL),
        ErrorKind::Io => because("the server cannot be reached (host name, network or TLS)"),
        _ => match error.code() {
            Some(code) if code.len() <= 32 && code.bytes().all(|b| b.is_ascii_uppercase()) => {
                PortUnavailable::new("redis", format!("the server replied with the error {code}"))
            }
            _ => because("the server replied with an error"),
        },
    }
}

pub(crate) fn of_pool(error: &PoolError) -> PortUnavailable {
    match error {
        PoolError::Backend(error) => of(error),
        PoolError::Timeout(_) => because(NO_CONNECTION),
        PoolError::Closed => because("the store is closed"),
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => because(INVALID_POOL),
    }
}

/// Whether the next operation needs a new connection: this one is dead or out of step, its server
/// is no longer the primary, or its credentials are no longer valid.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.is_timeout()
        || matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "NOAUTH" | "WRONGPASS"))
}

fn of_code(code: &str, detail: Option<&str>) -> Option<&'static str> {
    Some(match code {
        "READONLY" => "the server is a read-only replica (READONLY): connect to the primary",
        "OOM" => "the server's memory is full (OOM): raise its maxmemory",
        "NOAUTH" => "the server requires credentials (NOAUTH): put them into the URL",
        "WRONGPASS" => "the server rejects the credentials (WRONGPASS): check the URL",
        "NOPERM" => {
            "the server's access rules forbid a command (NOPERM): allow the user the keys and commands"
        }
        "LOADING" => "the server is still loading its data (LOADING)",
        "MASTERDOWN" => {
            "the server is a replica without a connection to its primary (MASTERDOWN): connect to the primary"
        }
        "NOREPLICAS" => {
            "the server has too few replicas to accept writes (NOREPLICAS): start them, or lower min-replicas-to-write"
        }
        "MISCONF" => "the server cannot save to disk and refuses writes (MISCONF): see its log",
        "BUSY" => "the server is busy with a script (BUSY)",
        "WRONGTYPE" => {
            "a key holds a value of another type (WRONGTYPE): set another OUTDIAL_REDIS_KEY_PREFIX"
        }
        "MOVED" | "ASK" | "CROSSSLOT" => {
            "the server is a node of a cluster (MOVED or similar): begin OUTDIAL_REDIS_URL with redis+cluster://"
        }
        "TRYAGAIN" | "CLUSTERDOWN" => CLUSTER_DOWN,
        "ERR" if detail.is_some_and(|text| text.contains("max number of clients")) => {
            "the server has too many clients: raise its maxclients, or lower OUTDIAL_REDIS_MAX_CONNECTIONS"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
