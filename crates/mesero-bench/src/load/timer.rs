//! Waits for an instant, to some microseconds: tokio's own clock counts milliseconds.

#[cfg(test)]
mod paused;
#[cfg(not(test))]
mod system;

#[cfg(test)]
pub(crate) use crate::load::timer::paused::PausableTimer as Timer;
#[cfg(not(test))]
pub(crate) use crate::load::timer::system::SystemTimer as Timer;
