//! Finds the commit that `outdial --version` prints: `SOURCE_COMMIT`, for builds without a
//! repository, or the commit of the checkout.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=SOURCE_COMMIT");
    let given = std::env::var("SOURCE_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| {
        // Git writes a line into this file at each commit and each checkout.
        let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
        // Cargo would run the script at each build for a file that does not exist.
        if Path::new(&log).exists() {
            println!("cargo:rerun-if-changed={log}");
        }
        git(&["rev-parse", "--short=12", "HEAD"])
    });
    println!("cargo:rustc-env=OUTDIAL_COMMIT={}", commit.as_deref().unwrap_or("commit unknown"));
}

/// The output of a git command. Nothing if there is no git, or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
