//! Prints a Markdown page with the tables of the rules between its two comments.
//!
//!     cargo run -p calling-rules --example rule-table docs/calling-rules-data.md

use std::{env, fs, io};

const BEGIN: &str = "<!-- rules -->\n";
const END: &str = "<!-- end of rules -->\n";

fn main() -> io::Result<()> {
    let page = env::args().nth(1).ok_or_else(|| io::Error::other("usage: rule-table PAGE"))?;
    let text = fs::read_to_string(&page)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| io::Error::other(format!("{page} lacks {BEGIN}")))?;
    let table = calling_rules::markdown(&calling_rules::Rules::new());
    let page = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    io::Write::write_all(&mut io::stdout(), page.as_bytes())
}
