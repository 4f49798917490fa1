//! Records out: their formats, the threads that write them, and the summary.

pub(crate) mod console;
pub(crate) mod counts;
pub(crate) mod error;
pub(crate) mod format;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod reorder_buffer;
pub(crate) mod sink;
pub(crate) mod status;
pub(crate) mod summary;
mod table;
pub(crate) mod value;
