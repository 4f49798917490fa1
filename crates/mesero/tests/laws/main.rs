//! The laws of the engine, one sentence a test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the functions beside the tests fail as tests do"
)]

mod adaptive_limit;
mod api;
mod batch;
mod blocked;
mod blocking;
mod cache;
mod cancel;
mod coalesce;
mod deadline;
mod doc_examples;
mod drain;
mod examples;
mod facts;
mod forecast;
mod grpc;
mod harness;
mod limit;
mod order;
mod outlook;
mod overload;
mod panic;
mod random_steps;
mod rate;
mod retry;
mod room;
mod slot;
mod stale;
mod threads;
mod timeout;
mod tower;
