//! No three files of a crate import each other in a cycle, so that a reader can take them one by one.
//!
//! The test reads the files as text. It follows `use`, `crate::` and `super::` paths through
//! re-exports to the file that defines the name. A module and each of its submodules may use each
//! other, as Rust programs commonly do: that is a cycle of two.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files of one crate by their path below `src`, with their text.
type Sources = BTreeMap<String, String>;

/// A path of names from the root of a crate to a module.
type Module = Vec<String>;

/// One imported name, and the path that it is imported from.
type Import = (String, Vec<String>);

/// What one module contains.
#[derive(Default)]
struct Contents {
    file: String,
    defined: BTreeSet<String>,
    /// What is imported, by the name that it gets here; `*` for everything.
    imported: Vec<Import>,
    /// Every other path that starts with `crate` or `super`.
    mentioned: Vec<Vec<String>>,
    /// The paths of public imports.
    published: Vec<Vec<String>>,
}

/// The cycles of at least three files, each as a line.
fn cycles(sources: &Sources) -> Vec<String> {
    let modules = modules(sources);
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, contents) in &modules {
        let submodules = module.iter().fold(String::new(), |path, name| path + name + "/");
        let imported = contents.imported.iter().map(|(_, path)| path);
        for path in imported.chain(&contents.mentioned) {
            if let Some(target) = resolve(&modules, module, path, 0)
                && target != contents.file
                // A module that publishes the names of its submodules does not use them.
                && !(contents.published.contains(path) && target.starts_with(&submodules))
            {
                edges.entry(&contents.file).or_default().insert(target);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (from, targets) in &edges {
        for to in targets {
            if let Some(mut cycle) = way_back(&edges, to, from) {
                let first = cycle.iter().min().copied();
                let start = cycle.iter().position(|file| Some(*file) == first).unwrap_or_default();
                cycle.rotate_left(start);
                found.insert(cycle.join(" -> "));
            }
        }
    }
    found.into_iter().collect()
}

/// The shortest way from one file to another over at least one file between them.
fn way_back<'a>(
    edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    from: &'a str,
    to: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = std::collections::VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::from([from]);
    while let Some(way) = ways.pop_front() {
        let last = way.last().copied().unwrap_or(from);
        for next in edges.get(last).into_iter().flatten().copied() {
            if next == to && last != from {
                return Some(way.into_iter().chain([to]).collect());
            }
            if next != to && seen.insert(next) {
                ways.push_back(way.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}

/// The file that defines what a path names; nothing for a path into another crate.
fn resolve<'a>(
    modules: &'a BTreeMap<Module, Contents>,
    from: &Module,
    path: &[String],
    depth: usize,
) -> Option<&'a str> {
    let (start, names) = start_of(from, path);
    let is_relative = names.len() < path.len();
    let is_child = names.first().is_some_and(|name| modules.contains_key(&child(&start, name)));
    if is_relative || is_child { find(modules, start, names, true, depth) } else { None }
}

/// The module that a path starts in, and the rest of the path.
fn start_of<'a>(from: &Module, path: &'a [String]) -> (Module, &'a [String]) {
    let (mut start, mut names) = (from.clone(), path);
    while let Some((name, rest)) = names.split_first() {
        match name.as_str() {
            "crate" => start.clear(),
            "super" => drop(start.pop()),
            "self" => {}
            _ => break,
        }
        names = rest;
    }
    (start, names)
}

/// The file that defines these names in a module. If the text does not show it, because a macro
/// does, it is the file of the last module, unless it may as well be in another one.
fn find<'a>(
    modules: &'a BTreeMap<Module, Contents>,
    mut at: Module,
    mut names: &[String],
    is_only_candidate: bool,
    depth: usize,
) -> Option<&'a str> {
    while let Some(name) = names.first()
        && modules.contains_key(&child(&at, name))
    {
        at = child(&at, name);
        names = &names[1..];
    }
    let contents = modules.get(&at)?;
    let Some(name) = names.first() else { return Some(&contents.file) };
    if contents.defined.contains(name) || depth > 8 {
        return Some(&contents.file);
    }
    let everything = "*".to_owned();
    let imports = |wanted| contents.imported.iter().filter(move |(alias, _)| alias == wanted);
    let named = imports(name).find_map(|(_, target)| resolve(modules, &at, target, depth + 1));
    let globs = || {
        imports(&everything).find_map(|(_, target)| {
            let (start, inner) = start_of(&at, target);
            find(modules, start, &[inner, names].concat(), false, depth + 1)
        })
    };
    named.or_else(globs).or_else(|| is_only_candidate.then_some(&*contents.file))
}

fn child(module: &Module, name: &str) -> Module {
    [&module[..], &[name.to_owned()]].concat()
}

/// Every module of the crates whose roots are `lib.rs` and `main.rs`.
fn modules(sources: &Sources) -> BTreeMap<Module, Contents> {
    let mut modules = BTreeMap::new();
    for (file, text) in sources {
        let mut module: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        module.retain(|name| name != "lib");
        read_module(&code_of(text), &module, file, &mut modules);
    }
    modules
}

/// Reads a module and the modules that are written inside it.
fn read_module(code: &str, module: &Module, file: &str, modules: &mut BTreeMap<Module, Contents>) {
    let mut contents = Contents { file: file.to_owned(), ..Contents::default() };
    let words: Vec<&str> = words(code);
    let mut n = 0;
    while n < words.len() {
        match (words[n], words.get(n + 1).copied().unwrap_or_default(), words.get(n + 2).copied()) {
            ("mod", name, Some("{")) => {
                let end = n + 2 + block(&words[n + 2..]);
                let inner = child(module, name);
                read_module(&words[n + 3..end].join(" "), &inner, file, modules);
                n = end;
            }
            ("use", next, _) if next != "<" => {
                let end = n + words[n..].iter().position(|word| *word == ";").unwrap_or(1);
                let mut imported = Vec::new();
                import(&words[n + 1..end], &mut Vec::new(), &mut imported);
                if matches!(words[..n], [.., "pub"] | [.., "pub", "(", _, ")"]) {
                    contents.published.extend(imported.iter().map(|(_, path)| path.clone()));
                }
                contents.imported.extend(imported);
                n = end;
            }
            ("struct" | "enum" | "trait" | "fn" | "const" | "static" | "type" | "union", name, _) => {
                contents.defined.insert(name.to_owned());
            }
            ("macro_rules", "!", Some(name)) => {
                contents.defined.insert(name.to_owned());
            }
            ("crate" | "super", "::", _) => {
                let tail = words[n..]
                    .iter()
                    .enumerate()
                    .take_while(|(i, word)| if i % 2 == 0 { is_name(word) } else { **word == "::" });
                let path: Vec<_> =
                    tail.filter(|(i, _)| i % 2 == 0).map(|(_, word)| (*word).to_owned()).collect();
                n += 2 * path.len() - 1;
                contents.mentioned.push(path);
            }
            _ => {}
        }
        n += 1;
    }
    modules.insert(module.clone(), contents);
}

/// Reads `a::{b, c as d, e::*}`.
fn import(words: &[&str], prefix: &mut Vec<String>, imported: &mut Vec<Import>) {
    let len = prefix.len();
    let mut n = 0;
    while n < words.len() {
        match words[n] {
            "{" => {
                let end = n + block(&words[n..]);
                let mut start = n + 1;
                let mut depth = 0;
                for at in n + 1..=end {
                    match words[at] {
                        "{" => depth += 1,
                        "}" if at < end => depth -= 1,
                        "," | "}" if depth == 0 => {
                            import(&words[start..at], prefix, imported);
                            start = at + 1;
                        }
                        _ => {}
                    }
                }
                prefix.truncate(len);
                return;
            }
            "*" => imported.push(("*".to_owned(), prefix.clone())),
            "as" => {
                let alias = words.get(n + 1).copied().unwrap_or("_").to_owned();
                imported.push((alias, prefix.clone()));
                prefix.truncate(len);
                return;
            }
            word if is_name(word) => prefix.push(word.to_owned()),
            _ => {}
        }
        n += 1;
    }
    if words.last().is_some_and(|word| is_name(word)) {
        if prefix.last().is_some_and(|name| name == "self") && prefix.len() > 1 {
            prefix.pop();
        }
        imported.push((prefix.last().cloned().unwrap_or_default(), prefix.clone()));
    }
    prefix.truncate(len);
}

/// The index of the brace that closes the first word, which opens one.
fn block(words: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (n, word) in words.iter().enumerate() {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return n;
        }
    }
    words.len() - 1
}

fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Names, `::`, and every other character that is not a space.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(len);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// The text without its comments and without the contents of its literals.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if first == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if let Some(escaped) = rest.strip_prefix("'\\") {
            // The first character is the escaped one, which may be a quotation mark itself.
            let end = escaped.char_indices().skip(1).find(|(_, c)| *c == '\'');
            end.map_or(rest.len(), |(end, _)| end + 3)
        } else if first == '\'' && rest.chars().nth(2) == Some('\'') {
            2 + rest.chars().nth(1).map_or(0, char::len_utf8)
        } else {
            0
        };
        let (kept, after) = rest.split_at(if skipped == 0 { first.len_utf8() } else { skipped });
        code.push_str(if skipped == 0 { kept } else { " " });
        rest = after;
    }
    code
}

/// The sources below a folder.
fn read_sources(folder: &Path, prefix: &str, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).expect("it is a folder of this repository") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            read_sources(&path, &format!("{prefix}{name}/"), sources);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).expect("a source is a text file");
            sources.insert(format!("{prefix}{name}"), text);
        }
    }
}

#[test]
fn no_three_files_of_a_crate_import_each_other_in_a_cycle() {
    let mut found = Vec::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for entry in std::fs::read_dir(crates).expect("the crates lie beside this one") {
        let folder = entry.expect("the folder can be read").path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut sources = Sources::new();
        read_sources(&folder.join("src"), "", &mut sources);
        found.extend(cycles(&sources).into_iter().map(|cycle| format!("{name}: {cycle}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn sources<const N: usize>(files: [(&str, &str); N]) -> Sources {
    files.into_iter().map(|(file, text)| (file.to_owned(), text.to_owned())).collect()
}

#[test]
fn a_cycle_of_three_files_is_found_however_it_is_written() {
    let a = "use crate::b::{B, c::*};\npub struct A;";
    let b_to_c = [
        "pub struct B; fn f() { crate::c::f() }",
        "use super::c::C as Other; pub struct B;",
        "use crate::{c::{self, C}, d}; pub struct B;",
        "use crate::C; pub struct B;",
        "use crate::facade::C; pub struct B;",
        "use crate::facade::*; pub struct B; fn f() -> crate::facade::C {}",
        "pub struct B; mod inner { use super::super::c::C; }",
        "pub struct B; mod inner { const QUOTE: char = '\"'; use crate::c::C; }",
    ];
    for b in b_to_c {
        let c = "/* use crate::d; */ use crate::a::A;\npub struct C; pub fn f() {}";
        let tree = sources([
            ("lib.rs", "mod a; mod b; mod c; mod d; mod facade; pub use self::c::C;"),
            ("a.rs", a),
            ("b.rs", b),
            ("c.rs", c),
            ("d.rs", "pub struct D;"),
            ("facade.rs", "pub use crate::c::*;"),
        ]);
        let found = cycles(&tree);
        assert!(found.iter().any(|cycle| cycle == "a.rs -> b.rs -> c.rs"), "{b}: {found:?}");
    }
}

#[test]
fn a_module_and_each_of_its_submodules_may_use_each_other() {
    let tree = sources([
        ("lib.rs", "mod a; pub use self::a::A; pub use self::a::b::B;"),
        ("a.rs", "mod b; mod c; pub use self::b::B; pub use self::c::C; pub struct A;"),
        ("a/b.rs", "use super::A; use crate::A as Again; pub struct B;"),
        (
            "a/c.rs",
            "use super::{A, B}; pub struct C; // use super::B;\nconst TEXT: &str = \"use super::B;\";",
        ),
    ]);
    assert_eq!(cycles(&tree), Vec::<String>::new());
}
