use std::io;

use super::*;

#[test]
fn a_session_that_ends_or_cannot_write_is_not_used_again() {
    for code in ["57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04", "25006", "08006", "08P01"] {
        assert!(ends_session(code), "{code}");
    }
    for code in ["23505", "40001", "53100", "57014", "42P01"] {
        assert!(!ends_session(code), "{code}");
    }
}

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

/// An operator meets these before any other.
#[test]
fn a_code_is_followed_by_what_to_do() {
    for code in
        ["28P01", "3D000", "42501", "42P01", "53100", "53300", "25006", "26000", "42P05", "57014", "08P01"]
    {
        let remedy = remedy(code).unwrap_or_default();
        assert!(remedy.contains(": ") && remedy.len() > 20, "{code}: {remedy}");
    }
    assert!(
        LOSES_STATEMENTS.contains("PgBouncer 1.21") && LOSES_STATEMENTS.contains("max_prepared_statements")
    );
    assert_eq!(remedy("23503"), None, "a mistake of ours");
}
