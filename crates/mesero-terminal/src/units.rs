//! Numbers with their units: one text for each kind of number, on every page and in every message.

mod duration;
mod number;
mod plural;
mod positive;
mod share;

pub use duration::{
    elapsed, exact_duration, fractional_milliseconds, milliseconds, parse_duration, whole_seconds,
    with_three_digits,
};
pub use number::{bytes, grouped, number};
pub use plural::{plural, plural_form};
pub use positive::parse_positive;
pub use share::{parse_percent, percent, share};
