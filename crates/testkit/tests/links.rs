//! Every link of a document leads to a file of the repository, and to a heading of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the repository contains and no author has written.
const LEFT_OUT: [&str; 3] = ["target", "node_modules", "dist"];

/// The documents below a folder.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder exists");
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && !LEFT_OUT.contains(&&*name) {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The lines that are no code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((index + 1, line))
    })
}

/// The targets of the links in a line, `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let rest = line.split("](").skip(1);
    rest.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let anchor: String = heading.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect();
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        found.extend(names.find(|name| !found.contains(name)));
    }
    found
}

/// The links of a document that lead nowhere.
fn broken_links(document: &Path, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line) in prose(text) {
        for target in targets(line).filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => document.to_owned(),
                _ => document.parent().expect("a folder").join(file),
            };
            let is_found = match std::fs::read_to_string(&path) {
                Ok(text) if path.extension().is_some_and(|it| it == "md") && !anchor.is_empty() => {
                    anchors(&text).contains(anchor)
                }
                _ => path.exists(),
            };
            if !is_found {
                broken.push(format!("{}:{number}: {target}", document.display()));
            }
        }
    }
    broken
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    documents(&root, &mut found);
    assert!(found.len() > 40, "the documents are found: {}", found.len());
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a document is UTF-8");
    let broken: Vec<_> = found.iter().flat_map(|path| broken_links(path, &read(path))).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let page = folder.path().join("page.md");
    let text = "# One: `two` three\n## Same\n## Same\n```sh\n# no heading\n[no](link.md)\n```\n";
    std::fs::write(&page, text).expect("the folder is writable");
    let links = "[a](page.md) [b](#one-two-three) [c](page.md#same-1) [d](https://example.com/x.md)";
    assert_eq!(broken_links(&page, links), [""; 0]);
    for faulty in ["[a](other.md)", "[b](#one)", "[c](page.md#same-2)", "[d](page.md#no-heading)"] {
        assert_eq!(broken_links(&page, &format!("{links} {faulty}")).len(), 1, "{faulty}");
    }
}
