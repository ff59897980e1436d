//! Keeps of libphonenumber's geocoding file what it says about the states of an area code: 409 rows
//! of 32,500, so that the program contains 15 kB of it and not 700.
//!
//! A row is `1AAA|NAME|ST ST`: the area code, the file's text for it, and the states of the towns in
//! the rows of its exchanges.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::{env, fs, io};

const FILE: &str = "data/libphonenumber/geocoding-en-1.txt";
const AREA_CODE_LEN: usize = 4;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={FILE}");
    println!("cargo::rerun-if-changed=build.rs");
    let text = fs::read_to_string(FILE)?;
    let mut area_codes: BTreeMap<&str, &str> = BTreeMap::new();
    let mut states: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (prefix, place) in text.lines().filter_map(|line| line.split_once('|')) {
        let Some(area_code) = prefix.get(..AREA_CODE_LEN) else { continue };
        if prefix.len() == AREA_CODE_LEN {
            area_codes.insert(area_code, place);
        }
        if let Some((_town, state)) = place.rsplit_once(", ") {
            states.entry(area_code).or_default().insert(state);
        }
    }
    let rows = area_codes.iter().map(|(area_code, place)| {
        let states: Vec<&str> = states.remove(area_code).unwrap_or_default().into_iter().collect();
        format!("{area_code}|{place}|{}\n", states.join(" "))
    });
    let rows: String = rows.collect();
    #[expect(clippy::disallowed_methods, reason = "cargo says where generated files go")]
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("area-codes.txt"), rows)
}
