//! What the programs of mesero print, how they end, and how they read and write numbers and names.

#![forbid(unsafe_code)]

pub mod counted;
pub mod exit;
pub mod nearest;
pub mod output;
pub mod signals;
pub mod telemetry;
pub mod whole;
