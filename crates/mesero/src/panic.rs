//! Conversion of a panic in foreign code to a failure.

use std::any::Any;

use crate::{Failure, FailureKind};

/// The failure for a panic with this payload.
pub(crate) fn panicked<T>(payload: &(dyn Any + Send)) -> Result<T, Failure> {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Err(Failure::new(FailureKind::Panicked, format!("the work panicked: {text}")))
}
