//! The errors of the driver as errors of the ports. The driver's texts quote values and addresses,
//! so that none of them leaves this crate.

use domain::ports::PortUnavailable;
use sqlx::error::DatabaseError;

/// The SQLSTATE of an undefined table.
pub(crate) const UNDEFINED_TABLE: &str = "42P01";

/// The port's error for a statement that failed.
pub(crate) fn unavailable(error: &sqlx::Error) -> PortUnavailable {
    use sqlx::Error::{Configuration, Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Database(refusal) => because(sqlstate(refusal.as_ref())),
        Io(error) => because(format!("connection: {}", error.kind())),
        PoolTimedOut => because("no connection in time"),
        PoolClosed => because("the store is closed"),
        Tls(_) => because("TLS negotiation failed"),
        Configuration(_) => because("its URL cannot be used"),
        Protocol(_) | WorkerCrashed => because("connection: the server's protocol was broken"),
        _ => because("a value could not be encoded or decoded"),
    }
}

/// The port's error for this reason.
pub(crate) fn because(reason: impl Into<std::borrow::Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new("postgres", reason)
}

fn sqlstate(refusal: &dyn DatabaseError) -> String {
    let code = refusal.code().unwrap_or_else(|| "without SQLSTATE".into());
    match refusal.constraint() {
        Some(constraint) => format!("SQLSTATE {code} on {constraint}"),
        None => format!("SQLSTATE {code}"),
    }
}

/// Whether the connection is unusable after this error.
pub(crate) fn breaks_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        // Operator intervention: the server ends the session, for a restart or because an operator
        // terminated it. Or the server has ended it because the transaction was idle for too long.
        sqlx::Error::Database(refusal) => {
            matches!(refusal.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03"))
        }
        _ => false,
    }
}

/// Whether the same statement may succeed when it is repeated: its connection broke, or it lost
/// against a concurrent one.
pub(crate) fn passes_when_repeated(error: &sqlx::Error) -> bool {
    let lost_a_conflict =
        |refusal: &dyn DatabaseError| refusal.code().is_some_and(|code| code.starts_with("40"));
    breaks_connection(error) || error.as_database_error().is_some_and(lost_a_conflict)
}

/// The constraint that refused the statement, if one did.
pub(crate) fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(DatabaseError::constraint)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_text_of_the_driver_is_not_shown() {
        let io_error = io::Error::new(io::ErrorKind::ConnectionReset, "10.0.0.7 while sending +14165550100");
        for error in [
            sqlx::Error::Io(io_error),
            sqlx::Error::Protocol("+14165550100".to_owned()),
            sqlx::Error::Configuration("postgres://u:hunter2@h".into()),
            sqlx::Error::ColumnDecode { index: "+14165550100".to_owned(), source: "+14165550100".into() },
        ] {
            let shown = unavailable(&error).to_string();
            assert!(
                !shown.contains("4165550100") && !shown.contains("hunter2") && !shown.contains("10.0.0.7"),
                "{shown}"
            );
        }
    }
}
