//! `migrate!` embeds the migrations: a changed one has to compile the crate again.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
