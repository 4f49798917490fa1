//! The teaching programs: each prints the output that `docs/BASICS.md` shows, in the time that its
//! comment states.
//!
//! Programs that only await run here with time paused, so that their times are exact. Programs that
//! block or compute run as processes, and their times are compared with their own parts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions beside the tests fail as tests do"
)]

#[macro_use]
mod screen;
mod page;
mod paused;
mod programs;
mod real;
