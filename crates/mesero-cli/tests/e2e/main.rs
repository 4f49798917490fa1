//! The real program, started on port 0 and stopped when the test is over.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how a test fails; clippy knows only the functions that are marked as tests"
)]

mod certificates;
mod client;
#[cfg(feature = "hash")]
mod databases;
mod frames;
mod gate;
mod harness;
mod streams;
mod upstream;

mod bench;
mod blocking_resource;
mod cancellation;
mod command;
mod command_line;
mod control;
mod currency;
mod django;
mod documents;
mod examples;
mod exceptions;
mod exhaustion;
mod files;
mod former_names;
#[cfg(feature = "hash")]
mod hash;
mod limits;
mod order;
mod peers;
mod proxy;
mod replacement;
mod run;
mod schema;
mod shutdown;
mod square;
mod stopping;
mod workers;
mod wsgi;
