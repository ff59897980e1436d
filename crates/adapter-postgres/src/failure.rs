//! The errors of the driver as errors of the ports. The driver's texts quote values and addresses,
//! so that none of them leaves this crate.

use domain::ports::PortUnavailable;
use sqlx::error::DatabaseError;

/// The SQLSTATE of an undefined table.
pub(crate) const UNDEFINED_TABLE: &str = "42P01";

/// The SQLSTATE of a write in a read-only transaction. On a standby, every transaction is read-only.
const READ_ONLY: &str = "25006";

const TOO_MANY_CONNECTIONS: &str = "53300";

const CANNOT_CONNECT_NOW: &str = "57P03";

/// The SQLSTATE with which the function `refuse_attempt` of the schema fails a statement.
const ATTEMPT_REFUSED: &str = "OD001";

/// Whether the statement has refused an attempt, and so has written nothing.
pub(crate) fn is_refused_attempt(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.as_deref() == Some(ATTEMPT_REFUSED)
}

/// The port's error for a statement that failed.
pub(crate) fn unavailable(error: &sqlx::Error) -> PortUnavailable {
    use sqlx::Error::{Configuration, Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Database(refusal) => because(sqlstate(refusal.as_ref())),
        Io(error) => because(format!("connection: {}", error.kind())),
        PoolTimedOut => {
            because("no connection in time: is the server reachable, and has it a free connection?")
        }
        PoolClosed => because("the store is closed"),
        Tls(_) => because("TLS negotiation failed: check sslmode and sslrootcert of the URL"),
        Configuration(_) => because(
            "its URL cannot be used: it must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, or with several HOST:PORT separated by commas",
        ),
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
    match (refusal.constraint(), remedy(&code)) {
        (Some(constraint), _) => format!("SQLSTATE {code} on {constraint}"),
        (None, Some(remedy)) => format!("SQLSTATE {code}: {remedy}"),
        (None, None) => format!("SQLSTATE {code}"),
    }
}

/// What the code means for an operator, and what to do:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "08P01" => {
            "the server or a pooler refuses the connection: is this the URL of Postgres or of PgBouncer 1.21 or newer?"
        }
        "08006" | "08000" | "08003" => "the connection was lost: is the server behind the pooler running?",
        "22021" | "22P05" => "the database must have the encoding UTF8",
        READ_ONLY => "the server is read-only: use the URL of the primary",
        "26000" | "42P05" => LOSES_STATEMENTS,
        "28000" => "the server refuses this user, host or TLS mode: check the URL and pg_hba.conf",
        "28P01" => "the password is wrong: check the URL",
        "3D000" => "the database does not exist: create it, or check the URL",
        "3F000" => "the schema does not exist: check search_path",
        "40001" | "40P01" => "it lost against another transaction: repeat the request",
        "42501" => "the role lacks a permission: grant it on the tables, or make the role their owner",
        UNDEFINED_TABLE | "42703" | "42883" => {
            "the schema is not that of this program: run `outdial migrate`"
        }
        "53100" => "the disk of the server is full: free some space",
        "53200" => "the server is out of memory: lower its memory settings or its connections",
        TOO_MANY_CONNECTIONS => {
            "the server has too many connections: raise max_connections or lower OUTDIAL_DATABASE_MAX_CONNECTIONS"
        }
        "53400" => "a limit of the server is reached: see its log",
        "55P03" => "another session holds a lock for too long: end it",
        "57014" => {
            "the statement took too long: is the server overloaded, or does another session hold a lock?"
        }
        "57P01" | "57P02" => "the server is shutting down or restarting",
        CANNOT_CONNECT_NOW => "the server is starting or shutting down",
        "57P04" => "the database was dropped",
        "58030" => "the disk of the server fails: see its log",
        "XX001" | "XX002" => "the database is damaged: restore a backup",
        _ => return None,
    })
}

/// The reason for a pooler in transaction mode without support of prepared statements.
pub(crate) const LOSES_STATEMENTS: &str = "a pooler in transaction mode loses prepared statements: use PgBouncer 1.21 or \
     newer and set its max_prepared_statements to 200, or use its session mode, or the URL of Postgres";

/// Whether the session does not have a prepared statement that its connection has, or the reverse.
pub(crate) fn is_lost_statement(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("26000" | "42P05"))
}

/// Whether the connection is unusable after this error.
pub(crate) fn breaks_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| ends_session(&code)),
        _ => false,
    }
}

/// Whether the server, or a pooler before it, ends the session or cannot write in it:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn ends_session(code: &str) -> bool {
    match code {
        // Operator intervention: a restart, a crash, the start of the server, a dropped database, a
        // session that was idle for too long, or an operator who terminated it.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => true,
        // A transaction that was idle, or that ran, for too long.
        "25P03" | "25P04" => true,
        READ_ONLY => true,
        // Connection exceptions: a pooler has lost its connection to the server.
        _ => code.starts_with("08"),
    }
}

/// Whether the server has refused the statement because it does not accept writes: it was the
/// primary before a failover. The statement, and the transaction that it belongs to, has written
/// nothing.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some(READ_ONLY)
}

/// The port's error for a server that does not accept writes.
pub(crate) fn read_only() -> PortUnavailable {
    because("the server is read-only: it is not the primary")
}

/// Whether the same statement may succeed when it is repeated: its connection broke, or it lost
/// against a concurrent one.
pub(crate) fn passes_when_repeated(error: &sqlx::Error) -> bool {
    let lost_a_conflict =
        |refusal: &dyn DatabaseError| refusal.code().is_some_and(|code| code.starts_with("40"));
    breaks_connection(error) || error.as_database_error().is_some_and(lost_a_conflict)
}

/// Whether a new connection may succeed a moment later: the server is starting, or the session of a
/// connection that was just closed still takes its place.
pub(crate) fn passes_when_reconnected(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(refusal) => {
            matches!(refusal.code().as_deref(), Some(TOO_MANY_CONNECTIONS | CANNOT_CONNECT_NOW))
        }
        _ => false,
    }
}

/// The constraint that refused the statement, if one did.
pub(crate) fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(DatabaseError::constraint)
}

#[cfg(test)]
mod tests;
