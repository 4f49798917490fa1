//! Parts that all database servers share; a dialect adds its SQL.

pub(crate) mod address;
pub(crate) mod advisories;
pub(crate) mod changes;
pub(crate) mod column;
pub(crate) mod connection;
pub(crate) mod database;
pub(crate) mod dialect;

pub(crate) mod error;
pub(crate) mod lookup;
pub(crate) mod roots;
pub(crate) mod scrub;
pub(crate) mod session;
pub(crate) mod sql;
pub(crate) mod statements;
pub(crate) mod table;
pub(crate) mod timeouts;
