//! The terminal side of mesero's programs: output, log, exit codes, signals, and numbers as text.

#![forbid(unsafe_code)]

pub mod command_error;
pub mod exit;
pub mod nearest;
pub mod output;
pub mod signals;
pub mod telemetry;
pub mod units;

// The former names of `units::plural`, `noun` and `parse_positive`, until no crate uses them.
pub mod counted {
    pub use crate::units::{noun as form, plural as counted};
}
pub mod whole {
    pub use crate::units::parse_positive as whole;
}
