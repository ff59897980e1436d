//! The texts that list the voice providers agree with the one list in the code.

use std::path::Path;

use server::{Source, env_example, settings, vendors};

/// The files that list the vendors. Each of them lists them at least once.
const LISTS: [&str; 10] = [
    "Cargo.toml",
    "README.md",
    "crates/server/Cargo.toml",
    "crates/testkit/tests/contract.rs",
    "deny.toml",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/operations.md",
    "docs/operations/voice-provider.md",
    "docs/testing.md",
];

/// The paragraphs, tables and groups of lines that name several of these vendors, but not all.
fn incomplete_lists<'a>(text: &'a str, vendors: &[&str]) -> Vec<&'a str> {
    let names = |paragraph: &&str| {
        let lower = paragraph.to_lowercase();
        let named = vendors.iter().filter(|vendor| lower.contains(**vendor)).count();
        named > 1 && named < vendors.len()
    };
    text.split("\n\n").filter(names).collect()
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    std::fs::read_to_string(path).expect("it is a file of this repository")
}

#[test]
fn every_list_of_providers_is_complete() {
    let vendors: Vec<&str> = vendors().collect();
    for file in LISTS {
        let text = read(file);
        let incomplete = incomplete_lists(&text, &vendors);
        assert!(incomplete.is_empty(), "{file} does not name every provider:\n{}", incomplete.join("\n\n"));
        for vendor in &vendors {
            assert!(text.to_lowercase().contains(vendor), "{file} does not name {vendor}");
        }
    }
}

/// A provider that is added to the code, and to nothing else, is missed in each of these files.
#[test]
fn a_new_provider_is_missed_in_every_list() {
    let with_another: Vec<&str> = vendors().chain(["a-new-vendor"]).collect();
    for file in LISTS {
        assert!(!incomplete_lists(&read(file), &with_another).is_empty(), "{file} has no list");
    }
}

#[test]
fn the_settings_and_their_errors_list_every_provider() {
    let listed = vendors().collect::<Vec<_>>().join(" or ");
    assert!(env_example().contains(&format!("# Value: simulator or {listed}.\n")));
    let source = Source::of([("OUTDIAL_DATABASE_URL", "postgres://127.0.0.1/outdial")]);
    let error = server::Settings::load(&source).expect_err("settings are missing").to_string();
    assert!(error.contains(&format!("{listed} (or simulator")), "{error}");
}

/// What `outdial simulate` prints is made of these names.
#[test]
fn every_provider_has_a_base_url() {
    let settings = settings();
    for vendor in vendors() {
        let name = format!("OUTDIAL_{}_BASE_URL", vendor.to_uppercase());
        assert!(settings.iter().any(|setting| setting.name == name), "{name}");
    }
}
