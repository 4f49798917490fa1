//! HTTP/2 errors as faults.

use std::io;

use h2::{Error, Reason};

use crate::stats::outcome::{Fault, FaultKind};

/// How much of the response has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseStage {
    /// Nothing at all on the connection.
    ConnectionSilent,
    /// Other responses, and nothing of this one.
    NoResponse,
    /// A part of this response.
    Partial,
}

/// The fault of an HTTP/2 error.
pub(crate) fn of(error: &Error, stage: ResponseStage) -> Fault {
    let ended = match stage {
        ResponseStage::ConnectionSilent | ResponseStage::NoResponse => FaultKind::Closed,
        ResponseStage::Partial => FaultKind::CutOff,
    };
    let reason = error.reason().unwrap_or(Reason::NO_ERROR);
    if error.is_library() {
        let why = match stage {
            ResponseStage::ConnectionSilent => "it does not speak HTTP/2",
            ResponseStage::NoResponse | ResponseStage::Partial => "it broke the rules of HTTP/2",
        };
        return Fault::new(FaultKind::Garbage, format_args!("{why}: {reason:?}"));
    }
    if error.is_go_away() {
        return Fault::new(ended, format_args!("it closed the connection: {reason:?}"));
    }
    if error.is_reset() {
        let kind = match reason {
            Reason::REFUSED_STREAM if ended == FaultKind::Closed => FaultKind::RefusedStream,
            _ => ended,
        };
        return Fault::new(kind, format_args!("it reset the stream: {reason:?}"));
    }
    match error.get_io() {
        // The library's error for the end of the connection.
        Some(error)
            if error.kind() == io::ErrorKind::BrokenPipe && error.raw_os_error().is_none() =>
        {
            Fault::new(ended, "it closed the connection")
        }
        Some(error) => Fault::new(ended, error),
        // An error of this machine.
        None => Fault::new(FaultKind::Generator, error),
    }
}
