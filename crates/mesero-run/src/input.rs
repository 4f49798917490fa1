//! Items in: their sources, their formats, and the thread that reads them.

mod batches;
pub(crate) mod feed;
pub(crate) mod format;
pub(crate) mod item;
mod lines;
mod reader;
mod table;
