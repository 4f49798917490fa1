//! Waits for an instant, to some microseconds: tokio's own clock counts milliseconds.

#[cfg(test)]
mod paused;
#[cfg(not(test))]
mod system;

#[cfg(test)]
pub(super) use paused::Timer;
#[cfg(not(test))]
pub(super) use system::Timer;
