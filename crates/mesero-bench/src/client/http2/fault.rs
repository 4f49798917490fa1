//! What ends a request over HTTP/2, by the names that all failures have.

use std::io;

use h2::{Error, Reason};

use crate::stats::outcome::{Fault, FaultKind};

/// How far the answer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseStage {
    /// Nothing was heard over the whole connection.
    ConnectionSilent,
    /// Nothing of this answer was.
    NoResponse,
    /// There is some of it.
    Partial,
}

/// Names what went wrong.
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
        // The library's way to say that it came to the end.
        Some(error)
            if error.kind() == io::ErrorKind::BrokenPipe && error.raw_os_error().is_none() =>
        {
            Fault::new(ended, "it closed the connection")
        }
        Some(error) => Fault::new(ended, error),
        // Nothing that the server has done.
        None => Fault::new(FaultKind::Generator, error),
    }
}
