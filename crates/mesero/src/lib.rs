//! A bounded, shared way to call something slow.
//!
//! A program has something slow: a blocking function, a remote API that can take ten requests at a
//! time, a command. More callers need it at once than it can serve. A [`Dispatcher`] in front of it
//! lets through as many calls as there are slots, queues a bounded number of the others, refuses
//! the rest at once with a time to retry, and answers every call exactly once.
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
//!     assert_eq!(answer.result?, (answer.input * answer.input) as f64); // each as soon as it is ready
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The life of a call
//!
//! ```text
//! call ─▶ in the cache? ─▶ a job of the same key in flight? ─▶ admit ─▶ queue ─▶ slot ─▶ attempt ─▶ the slow thing
//!           │ answered        │ shares its answer               │        bounded,  as many as  │
//!           ▼                 ▼                                 ▼        in order  it can take ▼
//!         reply             reply                    refused, with a time         failed? backoff, and again
//!                                                    to come back                 in front of the queue
//! ```
//!
//! A [`Call`] is one caller's request. The work that answers it is a *job*, which calls of the same
//! [`Key`] may share; each [`Attempt`] at it holds a [`Slot`]. A caller that drops its future
//! leaves the job; once the last caller has left, [`OnDisconnect`] decides whether the job
//! continues.
//!
//! # What you decide
//!
//! | rule | without it | set by |
//! |---|---|---|
//! | how many run at once | one | [`DispatcherBuilder::limit`] |
//! | how many may wait | 1,000 | [`DispatcherBuilder::queue`] |
//! | how many may start per period | no limit | [`DispatcherBuilder::rate`] |
//! | how long one attempt may take | no limit | [`DispatcherBuilder::timeout`] |
//! | how long a call may take in all | no limit | [`DispatcherBuilder::deadline`], [`Call::deadline`] |
//! | whether to retry | never | [`DispatcherBuilder::retry`] |
//! | whether calls of one key share a job | they do not | [`DispatcherBuilder::coalesce`] |
//! | whether replies are kept | they are not | [`DispatcherBuilder::cache`] |
//!
//! # The slow thing
//!
//! - **A future**: the closure's own. It is dropped at the timeout, which frees its slot.
//! - **A blocking function**: [`Blocking`] runs it on a thread, and the slot becomes free when the
//!   function returns, even after a timeout: a thread cannot be stopped, so the limit counts threads.
//! - **Work that keeps running after its future is dropped** (a process, a connection): it holds a
//!   clone of [`Attempt::slot`] until it has really stopped.
//! - **An HTTP service**: with the feature `tower`, `tower::DispatcherLayer` puts the dispatcher in front
//!   of an axum router, a tonic server or another service.
//!
//! An attempt ends in a reply or a [`Failure`], whose kind says whether a retry is worthwhile. A call ends
//! in a reply or an [`Error`], which distinguishes three cases: the resource failed, time or interest ran
//! out, or the call was never started.
//!
//! # What you see
//!
//! [`Dispatcher::jobs`] lists the jobs in flight, [`Dispatcher::stats`] counts them, and an
//! [`Observer`] receives every fact once, as an [`Event`]. In every snapshot the counts obey the
//! laws that [`Stats::check`] verifies. The feature `testing` provides a mock resource, and a
//! dispatcher that checks these laws in every test.
//!
//! # Time
//!
//! The only clock is tokio's, so a test with paused time is exact. A *timeout* bounds one attempt, a
//! *deadline* the whole call; both are [`std::time::Duration`]s. Jobs run as tasks of the tokio runtime on
//! which the call was made.
//!
//! # Features
//!
//! None is on by default. `tower` adds the layer for axum and tonic; `testing` adds the mock
//! resource.
//!
//! # Learning it
//!
//! Small example programs lead from the first `await` to a dispatcher, with one for each asyncio primitive.
//! `cargo run --example m00_sync` runs the first; `docs/BASICS.md` walks through all of them.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answer;
mod backoff;
mod batch;
mod blocking;
mod builder;
mod call;
mod dispatcher;
mod error;
mod event;
mod failure;
mod id_hasher;
mod job;
mod mean;
mod outlook;
mod panic;
mod policy;
mod registry;
mod slot;
mod state;
mod stats;
mod survival;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;

pub use answer::{Answer, CallReport, Origin};
pub use backoff::Backoff;
pub use batch::{Answers, BatchAnswer};
pub use blocking::Blocking;
pub use builder::{BuildError, DispatcherBuilder};
pub use call::{Argument, Call, JobId, JobInfo, Key};
pub use dispatcher::Dispatcher;
pub use error::{Error, Phase, Refusal};
pub use event::{Event, Fact, Observer, Outcome};
pub use failure::{Advice, Failure, FailureKind};
pub use outlook::{Eta, Outlook, Quota, RateQuota, TenantQuotas};
pub use policy::{
    AdaptiveLimit, Cache, LimitFinding, OnDisconnect, Order, PerTenant, Policy, Rate, Retry,
};
pub use registry::JobView;
pub use slot::{Attempt, Seats, Slot, Stop, StopKind};
pub use stats::{AttemptStats, CallStats, JobStats, QueueStats, SlotStats, Stats};

/// Doc tests of the page: its `rust` blocks compile, and its `compile_fail` blocks do not.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/BASICS.md")]
struct Basics;
