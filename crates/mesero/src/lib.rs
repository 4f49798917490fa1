//! A bounded, shared way to call something slow.
//!
//! # Learning it
//!
//! Small programs lead from the first `await` to a dispatcher, and each asyncio primitive has its own:
//! `cargo run --example m00_sync` is the first. `docs/BASICS.md` tells them as one story.

mod batch;
mod blocking;
mod builder;
mod call;
mod dispatcher;
mod error;
mod event;
mod job;
mod panic;
mod policy;
mod registry;
mod slot;
mod state;
mod stats;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;

pub use batch::{Answers, Item};
pub use blocking::Blocking;
pub use builder::{BuildError, Builder};
pub use call::{Answer, Argument, Call, JobId, JobInfo, Key, Origin, Report};
pub use dispatcher::Dispatcher;
pub use error::{Advice, Error, Failure, FailureKind, Phase, Refusal};
pub use event::{Event, Fact, Observer, Outcome};
pub use policy::{Cache, OnDisconnect, Policy, Rate, Retry};
pub use registry::JobView;
pub use slot::{Attempt, Seats, Slot, Stop, StopKind};
pub use stats::{AttemptStats, CallStats, JobStats, QueueStats, SlotStats, Stats};

/// The page's own claims about what compiles and what does not.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/BASICS.md")]
struct Basics;
