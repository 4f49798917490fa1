//! Items: their values, arguments of the command line that are items, and cycles of them.

mod cycle;
mod input;
mod words;

pub use cycle::ItemCycle;
pub use input::{ItemField, ItemInput};
pub use words::InputWord;
