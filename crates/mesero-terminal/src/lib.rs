//! The terminal side of mesero's programs: output, log, exit codes, signals, and numbers as text.

#![forbid(unsafe_code)]

pub mod command_error;
pub mod exit;
pub mod nearest;
pub mod output;
pub mod signals;
pub mod telemetry;
pub mod units;
