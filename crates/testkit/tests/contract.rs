//! Each MUST in a port's documentation names its case, each case is named by a MUST, and neither
//! the domain nor the HTTP adapter contains a vendor's words.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

macro_rules! ports {
    ($($port:ident),+ $(,)?) => {
        [$((
            stringify!($port),
            include_str!(concat!("../../domain/src/ports/", stringify!($port), ".rs")),
            testkit::$port::CASES,
        )),+]
    };
}

const PORTS: [(&str, &str, &[&str]); 40] = ports![
    agent_repo,
    ai_numbers,
    audit_log,
    call_ledger,
    call_reader,
    call_traces,
    call_updater,
    calling_policies,
    consents,
    contact_repo,
    context_cache,
    credential_store,
    delivery_queue,
    directory,
    directory_reader,
    event_feed,
    event_inbox,
    idempotency_keys,
    idempotency_lock,
    inbound_directory,
    intent_holds,
    job_leases,
    ledger_meter,
    number_pool,
    outbound_directory,
    provider_recordings,
    provider_records,
    provider_webhook,
    provisioning,
    recording_store,
    refusal_counts,
    retention,
    suppressions,
    trunk_directory,
    unfinished_calls,
    user_repo,
    voice_provider,
    voice_workspace,
    webhook_endpoints,
    webhook_sender,
];

/// The MUST sentences of a port's documentation, each on one line.
fn musts(source: &str) -> Vec<String> {
    let mut musts: Vec<String> = Vec::new();
    for line in source.lines().filter_map(|line| line.trim_start().strip_prefix("///")) {
        if line.starts_with(" - ") {
            musts.push(line.to_owned());
        } else if let (Some(must), true) = (musts.last_mut(), line.starts_with("   ")) {
            must.push_str(line);
        }
    }
    musts.retain(|must| must.contains("MUST"));
    musts
}

/// The names of cases in brackets.
fn cases(must: &str) -> BTreeSet<&str> {
    let bracketed = must.split('(').skip(1).filter_map(|rest| rest.split_once(')')).map(|(inside, _)| inside);
    let quoted = bracketed.flat_map(|inside| inside.split('`').skip(1).step_by(2));
    quoted.filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).collect()
}

#[test]
fn every_must_names_its_case() {
    for (port, source, _) in PORTS {
        let musts = musts(source);
        assert!(!musts.is_empty(), "{port} has no MUST");
        for must in musts {
            assert!(!cases(&must).is_empty(), "{port} has a MUST without a case:{must}");
        }
    }
}

#[test]
fn the_suites_have_the_cases_that_the_ports_name_and_no_others() {
    for (port, source, suite) in PORTS {
        let musts = musts(source);
        let named: BTreeSet<&str> = musts.iter().flat_map(|must| cases(must)).collect();
        let run: BTreeSet<&str> = suite.iter().copied().collect();
        assert_eq!(named, run, "{port}: the documentation on the left, the suite on the right");
        assert_eq!(run.len(), suite.len(), "{port} lists a case twice");
    }
}

/// A port over data that only one crate has. Its cases are tests of that crate, which know the data.
const CALLING_RULES: (&str, &str) =
    ("calling_rules", include_str!("../../domain/src/ports/calling_rules.rs"));

#[test]
fn the_musts_of_the_calling_rules_name_tests_of_their_crate() {
    let tests = sources(&folder("calling-rules/src/tests"));
    for must in musts(CALLING_RULES.1) {
        let cases = cases(&must);
        assert!(!cases.is_empty(), "a MUST without a case:{must}");
        for case in cases {
            assert!(tests.contains(&format!("fn {case}(")), "no test {case}:{must}");
        }
    }
}

/// The text of every file of a folder.
fn sources(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).expect("it is a folder of this repository");
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(file.expect("the folder can be read").path())
            .expect("a source is a text file")
    };
    files.map(read).collect()
}

#[test]
fn no_port_with_musts_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/src/ports");
    for entry in std::fs::read_dir(folder).expect("the folder of the ports") {
        let path = entry.expect("the folder can be read").path();
        // The folder of a port contains its unit tests.
        if path.is_dir() {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a port is a text file");
        let port = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let listed = PORTS.iter().any(|(listed, ..)| *listed == port) || port == CALLING_RULES.0;
        assert!(listed || musts(&source).is_empty(), "{port} has MUSTs and no suite");
    }
}

/// A second vendor must not need to change the domain. Carriers and their trunks are terms of
/// telephony.
#[test]
fn no_word_of_a_voice_provider_is_in_the_domain() {
    let found = lines_with(&["elevenlabs", "sip", "vapi"], &folder("domain"), &[]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The names that the public contract fixes: the paths of the provider, what the OpenAPI document calls their
/// operations and credentials, and its example of a call.
const NAMES_OF_THE_CONTRACT: [&str; 18] = [
    "\"/api/webhook/elevenlabs\"",
    "\"/api/webhook/elevenlabs/organizations/{organizationId}\"",
    "\"/api/webhook/elevenlabs/personalization\"",
    "\"/api/webhook/elevenlabs/tools/opt-out\"",
    "\"post_webhook_elevenlabs\"",
    "\"post_webhook_elevenlabs_organizations_by_id\"",
    "\"post_webhook_elevenlabs_personalization\"",
    "\"post_webhook_elevenlabs_tools_opt_out\"",
    "\"elevenLabsSignature\"",
    "\"ElevenLabs-Signature\"",
    "\"elevenLabsToolSecret\"",
    "\"elevenlabsApiKey\"",
    "\"elevenlabsWebhookSecret\"",
    "\"elevenlabsConfigured\"",
    "\"elevenlabsToolSecretConfigured\"",
    "\"elevenlabsWebhookSecretConfigured\"",
    "\"elevenlabsToolSecret\"",
    "\"provider\": \"elevenlabs\"",
];

#[test]
fn no_word_of_a_voice_provider_is_in_the_http_adapter() {
    let folder = folder("adapter-http/src");
    let found = lines_with(&["elevenlabs", "vapi"], &folder, &NAMES_OF_THE_CONTRACT);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let with_names = lines_with(&["elevenlabs", "vapi"], &folder, &[]);
    assert_eq!(with_names.len(), NAMES_OF_THE_CONTRACT.len(), "each is written once");
}

fn folder(below_crates: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(below_crates)
}

/// The lines below a folder that have a word or a name which begins with one of these, apart from
/// the exceptions.
fn lines_with(words: &[&str], folder: &Path, exceptions: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is a folder of this repository") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(lines_with(words, &path, exceptions));
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source is a text file");
        for line in text.lines() {
            let without = exceptions.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
            let lower = without.to_lowercase();
            let mut starts = lower.split(|c: char| !c.is_alphabetic());
            if starts.any(|start| words.iter().any(|word| start.starts_with(word))) {
                found.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}
