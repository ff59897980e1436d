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

/// What passes by itself, and what only the server's log explains, needs no more.
#[test]
fn a_reason_that_an_operator_can_cure_says_what_to_do() {
    for line in [
        "-READONLY x",
        "-OOM x",
        "-NOAUTH x",
        "-WRONGPASS x",
        "-NOPERM x",
        "-MASTERDOWN x",
        "-NOREPLICAS x",
        "-MISCONF x",
        "-WRONGTYPE x",
        "-MOVED 3999 127.0.0.1:6381",
        "-ERR max number of clients reached",
    ] {
        let reason = of(&reply(line)).to_string();
        let (_, remedy) = reason.rsplit_once(": ").expect("the name of the service");
        assert!(reason.matches(": ").count() == 2 && remedy.len() > 10, "{line}: {reason}");
    }
}

#[test]
fn no_reason_quotes_what_the_server_says() {
    for line in ["-ERR value 14165550100", "-14165550100 x", "-OOM 14165550100", "-SECRET_14165550100 x"] {
        let reason = of(&reply(line)).to_string();
        assert!(!reason.contains("1416"), "{reason}");
    }
}

#[test]
fn a_connection_to_a_demoted_primary_is_replaced_and_one_to_a_full_server_is_not() {
    assert!(ends_connection(&reply("-READONLY You can't write against a read only replica.")));
    assert!(ends_connection(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
    assert!(!ends_connection(&reply("-OOM command not allowed")));
}
