//! Resources behind their policies, made from a configuration.

#![forbid(unsafe_code)]

pub mod assemble;
pub mod dispatcher_metrics;
pub mod service;
