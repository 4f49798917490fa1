//! Rows of a table: their keys and values, their classes, and the decision about each.

pub(crate) mod classify;
pub(crate) mod counts;
pub(crate) mod key;
pub(crate) mod page;
pub(crate) mod row;
pub(crate) mod row_policy;
