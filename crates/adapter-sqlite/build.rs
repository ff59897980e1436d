//! Rebuilds the crate when a migration changes: the files are embedded, and the compiler does not
//! know.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
