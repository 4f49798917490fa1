//! What the database servers share: the connection, their URLs, names that are looked up, and time limits.

pub(crate) mod address;
pub(crate) mod changes;
pub(crate) mod connection;
pub(crate) mod disk;
pub(crate) mod error;
pub(crate) mod lookup;
pub(crate) mod roots;
pub(crate) mod sql;
pub(crate) mod timeouts;
