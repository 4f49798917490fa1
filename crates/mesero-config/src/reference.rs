//! The reference of all keys.

/// Every key with its default and its meaning, as a valid configuration file.
pub const REFERENCE: &str = include_str!("default.toml");
