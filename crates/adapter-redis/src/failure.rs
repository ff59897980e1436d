//! Why the store did not do its work, in words that an operator can act on and that hold no data.

use deadpool_redis::{
    PoolError,
    redis::{ErrorKind, RedisError},
};
use domain::ports::PortUnavailable;

pub(crate) fn because(reason: &'static str) -> PortUnavailable {
    PortUnavailable::new("redis", reason)
}

/// A reply that the command which was sent cannot have.
pub(crate) fn unexpected_reply() -> PortUnavailable {
    because("a reply is not one that Redis gives to the command")
}

/// The server answered with an error, or the connection failed. Error texts may quote keys: only the code is passed on.
pub(crate) fn of(error: &RedisError) -> PortUnavailable {
    if let Some(reason) = error.code().and_then(|code| of_code(code, error.detail())) {
        return because(reason);
    }
    if error.is_connection_refusal() {
        return because("the connection is refused");
    }
    if error.is_timeout() {
        return because("no answer in time");
    }
    if error.is_connection_dropped() {
        return because("the connection is lost");
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => because("it refuses the credentials"),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => unexpected_reply(),
        ErrorKind::InvalidClientConfig => because("the URL or its options cannot be used"),
        ErrorKind::Io => because("it cannot be reached (name, network or TLS)"),
        _ => match error.code() {
            Some(code) if code.len() <= 32 && code.bytes().all(|b| b.is_ascii_uppercase()) => {
                PortUnavailable::new("redis", format!("an error reply, {code}"))
            }
            _ => because("an error reply"),
        },
    }
}

pub(crate) fn of_pool(error: &PoolError) -> PortUnavailable {
    match error {
        PoolError::Backend(error) => of(error),
        PoolError::Timeout(_) => because("no connection in time"),
        PoolError::Closed => because("the store is closed"),
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => because("the pool is set up wrongly"),
    }
}

/// Whether the next operation should come on a connection of its own making: this one is dead or out of step, or leads to
/// a server that used to be the primary, or was opened with credentials that are no longer good.
pub(crate) fn spoils_connection(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.is_timeout()
        || matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "NOAUTH" | "WRONGPASS"))
}

fn of_code(code: &str, detail: Option<&str>) -> Option<&'static str> {
    Some(match code {
        "READONLY" => "it is a read-only replica (READONLY)",
        "OOM" => "its memory is full (OOM)",
        "NOAUTH" => "it wants credentials (NOAUTH)",
        "WRONGPASS" => "it refuses the credentials (WRONGPASS)",
        "NOPERM" => "its access rules forbid a command (NOPERM)",
        "LOADING" => "it is still loading its data (LOADING)",
        "MASTERDOWN" => "it is a replica without its primary (MASTERDOWN)",
        "NOREPLICAS" => "it has too few replicas to write (NOREPLICAS)",
        "MISCONF" => "it cannot save to disk and refuses to write (MISCONF)",
        "BUSY" => "a script keeps it busy (BUSY)",
        "WRONGTYPE" => "a key of ours holds a foreign type (WRONGTYPE)",
        "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" | "CROSSSLOT" => {
            "it is a cluster node that does not serve the key (MOVED or the like)"
        }
        "ERR" if detail.is_some_and(|text| text.contains("max number of clients")) => {
            "it has too many clients"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use deadpool_redis::redis::parse_redis_value;

    use super::*;

    fn reply(line: &str) -> RedisError {
        let value = parse_redis_value(format!("{line}\r\n").as_bytes()).expect("RESP");
        value.extract_error().expect_err("an error reply")
    }

    #[test]
    fn every_kind_of_failure_has_a_reason_of_its_own() {
        let errors = [
            reply("-READONLY You can't write against a read only replica."),
            reply("-OOM command not allowed when used memory > 'maxmemory'."),
            reply("-NOAUTH Authentication required."),
            reply("-WRONGPASS invalid username-password pair or user is disabled."),
            reply("-NOPERM this user has no permissions to run the 'set' command"),
            reply("-LOADING Redis is loading the dataset in memory"),
            reply("-MASTERDOWN Link with MASTER is down"),
            reply("-NOREPLICAS Not enough good replicas to write."),
            reply("-MISCONF Redis is configured to save RDB snapshots"),
            reply("-BUSY Redis is busy running a script."),
            reply("-WRONGTYPE Operation against a key holding the wrong kind of value"),
            reply("-MOVED 3999 127.0.0.1:6381"),
            reply("-ERR max number of clients reached"),
            reply("-ERR something else"),
            reply("-NEWCODE something else"),
            io::Error::from(io::ErrorKind::ConnectionRefused).into(),
            io::Error::from(io::ErrorKind::TimedOut).into(),
            io::Error::from(io::ErrorKind::ConnectionReset).into(),
            io::Error::from(io::ErrorKind::InvalidData).into(),
        ];
        let reasons: std::collections::BTreeSet<String> =
            errors.iter().map(|error| of(error).to_string()).collect();
        assert_eq!(reasons.len(), errors.len(), "{reasons:#?}");
    }

    #[test]
    fn no_reason_quotes_what_the_server_says() {
        for line in ["-ERR value 14165550100", "-14165550100 x", "-OOM 14165550100", "-SECRET_14165550100 x"]
        {
            let reason = of(&reply(line)).to_string();
            assert!(!reason.contains("1416"), "{reason}");
        }
    }

    #[test]
    fn a_connection_to_a_demoted_primary_is_given_up_and_one_to_a_full_server_is_not() {
        assert!(spoils_connection(&reply("-READONLY You can't write against a read only replica.")));
        assert!(spoils_connection(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!spoils_connection(&reply("-OOM command not allowed")));
    }
}
