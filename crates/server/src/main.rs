//! The command `outdial`.
fn main() {}
