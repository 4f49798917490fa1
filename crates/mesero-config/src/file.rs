//! Files: their text, the tables and keys that are typed in it, and how several files agree.

pub(crate) mod merge;
pub(crate) mod raw;
pub(crate) mod read;
mod rejected_entry;
mod serde_message;
