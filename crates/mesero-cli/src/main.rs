//! The `mesero` program.
fn main() {}
