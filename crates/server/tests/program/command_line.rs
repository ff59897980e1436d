//! What the program prints about itself, and how it reports an error.

use crate::running::outdial;

#[test]
fn the_version_names_the_program_and_the_commit() {
    let (_, printed, _) = outdial(&["--version"], &[]);
    let commit = printed.strip_prefix(concat!("outdial ", env!("CARGO_PKG_VERSION"), " (")).expect(&printed);
    let commit = commit.strip_suffix(")\n").expect(&printed);
    let is_commit = commit.len() >= 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_commit || commit == "commit unknown", "{printed}");
}

#[test]
fn help_is_wrapped_to_the_width_of_the_terminal() {
    for arguments in [&["--help"][..], &["-h"], &["import", "--help"], &["webhooks", "replay", "--help"]] {
        for (columns, widest) in [("72", 72), ("300", 100)] {
            let (_, printed, _) = outdial(arguments, &[("COLUMNS", columns)]);
            assert!(printed.contains("Usage: outdial"), "{printed}");
            for line in printed.lines() {
                assert!(line.chars().count() <= widest, "{columns} columns: {line}");
            }
        }
    }
}

#[test]
fn the_error_of_the_operating_system_is_printed_once() {
    for (arguments, settings) in [
        (&["--config", "missing.env", "migrate"][..], &[][..]),
        (&["--config", ".", "migrate"], &[]),
        (&["import", "missing.ndjson"], &[]),
        (&["import", "."], &[]),
        (&["serve"], &[("OUTDIAL_BIND", "192.0.2.1:2212")]),
        (&["simulate", "--bind", "192.0.2.1:2213"], &[]),
    ] {
        let (_, _, printed) = outdial(arguments, settings);
        let error = printed.lines().find(|line| line.starts_with("outdial: ")).expect("an error");
        assert_eq!(error.matches("(os error ").count(), 1, "{arguments:?}: {error}");
    }
}
