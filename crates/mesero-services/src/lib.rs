//! Resources behind their policies, made from a configuration.

#![forbid(unsafe_code)]

pub mod assemble;
pub mod service;
pub mod tally;
