//! The migration of a table from plaintext to hashes: a report first, then passes over the table, then a summary.

pub(crate) mod conclude;
pub(crate) mod pass;
pub(crate) mod preflight;
pub(crate) mod progress;
pub(crate) mod session;
pub(crate) mod summary;
pub(crate) mod table_scan;
pub(crate) mod throttle;
pub(crate) mod work;
pub(crate) mod workers;
