//! The reference of all keys.

/// Every key, its default and what it means; the reference, as a configuration file that can be used.
pub const REFERENCE: &str = include_str!("default.toml");
