//! A bounded, shared way to call something slow.
//!
//! A program has something slow: a blocking function, a remote that bears ten requests at a time, a
//! command. More callers want it at once than it can serve. A [`Dispatcher`] stands in front of it:
//! it lets as many through as there are slots, lets a bounded number wait in an order that can be
//! seen, refuses the rest at once with a time to come back, and answers everybody exactly once.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use mesero::{Call, Dispatcher};
//!
//! async fn slow_square(num: f64) -> f64 {
//!     tokio::time::sleep(Duration::from_secs(1)).await;
//!     num * num
//! }
//!
//! let squares = Dispatcher::builder("square")
//!     .limit(4)
//!     .queue(1_000)
//!     .timeout(Duration::from_secs(3))
//!     .build()?;
//! let nine = squares.call(Call::new("3"), |_attempt| async { Ok(slow_square(3.0).await) }).await?;
//! assert_eq!(nine, 9.0);
//!
//! let mut answers = squares.call_all(0..100, |n, _attempt| async move { Ok(slow_square(n as f64).await) });
//! while let Some(answer) = answers.next().await {
//!     assert_eq!(answer.result?, (answer.input * answer.input) as f64); // the moment each is there
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a call
//!
//! ```text
//! call ─▶ in the cache? ─▶ a job of the same key in flight? ─▶ admit ─▶ queue ─▶ slot ─▶ attempt ─▶ the slow thing
//!           │ answered        │ shares its answer               │        bounded,  as many     │
//!           ▼                 ▼                                 ▼        in order  as it bears ▼
//!         reply             reply                    refused, with a time         failed? backoff, and again
//!                                                    to come back                 in front of the queue
//! ```
//!
//! A [`Call`] is one caller's wish. The work that answers it is a *job*, which calls of the same
//! [`Key`] may share; each try of it is an [`Attempt`], which holds a [`Slot`]. A caller who goes away
//! (drops the future) leaves the job; when the last has left, [`OnDisconnect`] says whether it goes on.
//!
//! # What you decide
//!
//! | rule | without it | set by |
//! |---|---|---|
//! | how many run at once | one | [`Builder::limit`] |
//! | how many may wait | 1,000 | [`Builder::queue`] |
//! | how many start in a time | as many as come | [`Builder::rate`] |
//! | how long one attempt may take | as long as it needs | [`Builder::timeout`] |
//! | how long a call may take in all | as long as it needs | [`Builder::deadline`], [`Call::deadline`] |
//! | whether to try again | never | [`Builder::retry`] |
//! | whether calls of one key share a job | they do not | [`Builder::coalesce`] |
//! | whether replies are kept | they are not | [`Builder::cache`] |
//!
//! # The slow thing
//!
//! - **A future**: the closure's own. It is dropped at the timeout, and its slot is free then.
//! - **A blocking function**: [`Blocking`] runs it on a thread, and the slot is free when it returns,
//!   also after a timeout. A thread cannot be stopped, and the limit is of threads.
//! - **Anything that goes on when its future is dropped** (a process, a connection): it keeps a clone
//!   of [`Attempt::slot`] until it has really stopped.
//! - **An HTTP service**: with the feature `tower`, `tower::DispatcherLayer` puts the dispatcher in front
//!   of an axum router, a tonic server or another service.
//!
//! An attempt ends in a reply or a [`Failure`]; the failure's kind says whether it is worth another try.
//! A call ends in a reply or an [`Error`], which tells three things apart: the resource failed, time or
//! interest ran out, or the call was never started.
//!
//! # What you see
//!
//! [`Dispatcher::jobs`] lists what is in flight, [`Dispatcher::stats`] counts it, and an [`Observer`]
//! is told every fact once, as an [`Event`]. The counts obey laws that [`Stats::check`] knows, in every
//! snapshot; the feature `testing` has a resource that a test plays, and checks them in every test.
//!
//! # Time
//!
//! The only clock is tokio's, so a test with paused time is exact. Durations are [`std::time::Duration`]s;
//! a *timeout* is for one attempt, a *deadline* for the whole call. Jobs run as tasks of the tokio runtime
//! on which the call was made.
//!
//! # Features
//!
//! None is on by default. `tower`: the layer for axum and tonic. `testing`: the scripted resource.
//!
//! # Learning it
//!
//! Small programs lead from the first `await` to a dispatcher, and each asyncio primitive has its own:
//! `cargo run --example m00_sync` is the first. `docs/BASICS.md` tells them as one story.

#![deny(missing_docs)]

mod batch;
mod blocking;
mod builder;
mod call;
mod dispatcher;
mod error;
mod event;
mod failure;
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
pub use error::{Error, Phase, Refusal};
pub use event::{Event, Fact, Observer, Outcome};
pub use failure::{Advice, Failure, FailureKind};
pub use policy::{Cache, OnDisconnect, Policy, Rate, Retry};
pub use registry::JobView;
pub use slot::{Attempt, Seats, Slot, Stop, StopKind};
pub use stats::{AttemptStats, CallStats, JobStats, QueueStats, SlotStats, Stats};

/// The page's own claims about what compiles and what does not.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/BASICS.md")]
struct Basics;
