//! The target of calls that a command line names, and the requests that are made of items.

#![forbid(unsafe_code)]

mod args;
mod arguments;
mod body;
mod body_option;
mod config_file;
mod error;
mod fields;
pub mod item;
mod request;
mod target;

pub use args::{RequestFlags, TargetArgs, TargetOptions};
pub use body_option::BodyOption;
pub use error::TargetError;
pub use target::Target;
