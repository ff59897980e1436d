//! The services that tests use. No other code reads the environment variables that name them.

use std::path::PathBuf;

/// The URL of a Postgres that tests may fill, `postgres://user@host:port/database`, as a superuser.
///
/// # Panics
///
/// If `TEST_DATABASE_URL` is not set: a test that needs Postgres fails without it, and never skips.
#[must_use]
pub fn postgres_url() -> String {
    required("TEST_DATABASE_URL")
}

/// The URL of a Redis that tests may fill, `redis://host:port/database`.
///
/// # Panics
///
/// If `TEST_REDIS_URL` is not set.
#[must_use]
pub fn redis_url() -> String {
    required("TEST_REDIS_URL")
}

/// The path of a Redis or Valkey server, for tests that start, kill and restart one.
///
/// # Panics
///
/// If `TEST_REDIS_SERVER` is not set.
#[must_use]
pub fn redis_server() -> PathBuf {
    required("TEST_REDIS_SERVER").into()
}

/// The path of PgBouncer, for tests that start one in front of Postgres.
///
/// # Panics
///
/// If `TEST_PGBOUNCER` is not set.
#[must_use]
pub fn pgbouncer() -> PathBuf {
    required("TEST_PGBOUNCER").into()
}

/// The folder with `initdb`, `postgres` and `pg_basebackup`, for tests that start, kill and
/// replicate a Postgres of their own.
///
/// # Panics
///
/// If `TEST_POSTGRES_BIN` is not set.
#[must_use]
pub fn postgres_programs() -> PathBuf {
    required("TEST_POSTGRES_BIN").into()
}

/// The path of `libfaketimeMT.so.1`, for tests that step the clock of a process.
///
/// # Panics
///
/// If `TEST_FAKETIME_LIBRARY` is not set.
#[must_use]
pub fn faketime_library() -> PathBuf {
    required("TEST_FAKETIME_LIBRARY").into()
}

#[expect(clippy::disallowed_methods, reason = "the only place of the tests that reads the environment")]
fn required(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!(
            "this test needs {variable}. `make test` starts the services and sets it, and so does \
             `scripts/with-services.sh cargo test ...`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::required;

    #[test]
    #[should_panic(expected = "this test needs TEST_OF_NO_SERVICE. `make test`")]
    fn a_missing_service_fails_and_names_the_command() {
        required("TEST_OF_NO_SERVICE");
    }
}
