//! A timer with a precision of microseconds: that of tokio's clock is a millisecond.

#[cfg(test)]
mod paused;
#[cfg(not(test))]
mod system;

#[cfg(test)]
pub(crate) use crate::load::timer::paused::PausableTimer as Timer;
#[cfg(not(test))]
pub(crate) use crate::load::timer::system::SystemTimer as Timer;
