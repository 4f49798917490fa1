//! The items of a run, and how they are known again.

use std::fmt;

use mesero_target::item::Input;

pub(crate) mod feed;
pub(crate) mod reader;
mod table;

/// An item of the input.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its place in the input; the first is 0.
    pub(crate) index: u64,
    /// Its own, or made of the target and of what it is: the same in every run, wherever in the input it stands.
    pub(crate) id: String,
    pub(crate) input: Input,
}

/// An item that is none, and why.
#[derive(Debug)]
pub(crate) struct BadInput {
    /// Where it stands, where the input has lines; the first is 1.
    pub(crate) line: Option<u64>,
    /// As it came.
    pub(crate) text: String,
    pub(crate) why: String,
    pub(crate) scope: BadInputScope,
}

/// What a bad input means for those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadInputScope {
    /// Nothing.
    Item,
    /// There are none: the input cannot be read on.
    Input,
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}
