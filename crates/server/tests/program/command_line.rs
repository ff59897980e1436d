//! What the program prints about itself, and how it reports an error.

use crate::running::{file_with, outdial};

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

/// What `outdial --help` lists, without `help` itself.
fn commands() -> Vec<String> {
    let (_, help, _) = outdial(&["-h"], &[]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = listed.filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    let commands: Vec<String> = names.filter(|name| name != "help").collect();
    assert!(commands.contains(&"serve".to_owned()), "{help}");
    commands
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (succeeded, script, errors) = outdial(&["completions", shell], &[]);
        assert!(succeeded, "{shell}: {errors}");
        for command in commands() {
            assert!(script.contains(&command), "{shell} does not complete {command}");
        }
    }
    let (succeeded, _, errors) = outdial(&["completions", "cobol"], &[]);
    assert!(!succeeded && errors.contains("bash"), "{errors}");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let target = folder.path().join("share/man1");
    let target = target.to_str().expect("an ASCII path");
    let (succeeded, _, errors) = outdial(&["man", target], &[]);
    assert!(succeeded, "{errors}");
    for command in commands() {
        let page = std::fs::read_to_string(format!("{target}/outdial-{command}.1"));
        let page = page.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains("\\-\\-config"), "{page}");
    }
    let pages = std::fs::read_dir(target).expect("a folder").map(|page| page.expect("a file").file_name());
    let of_help = |page: &std::ffi::OsString| page.to_string_lossy().contains("help");
    assert!(!pages.into_iter().any(|page| of_help(&page)), "help has no page of its own");
    let overview = std::fs::read_to_string(format!("{target}/outdial.1")).expect("the overview");
    assert!(overview.contains("outdial\\-serve(1)"), "{overview}");

    let file = file_with(&folder, "file", "");
    let (succeeded, _, errors) = outdial(&["man", &format!("{file}/man1")], &[]);
    assert!(!succeeded && errors.contains("cannot write the manual pages into"), "{errors}");
}
