//! Outcomes of requests, and causes of failure.

use std::fmt;
use std::io;

/// The outcome of a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// The whole response arrived.
    Answered(ResponseSummary),
    /// The timeout expired; the connection was closed, or over HTTP/2 the stream.
    ClientTimeout,
    /// The timeout expired before a connection or a stream was free.
    Unsent,
    Failed(Fault),
}

/// A complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseSummary {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    /// Whether the server keeps the connection open.
    pub(crate) keeps_alive: bool,
}

impl ResponseSummary {
    /// Whether the status is 2xx.
    pub(crate) fn is_ok(self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Cause and message of a failure.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// The message of the component that failed.
    pub(crate) why: String,
}

/// Causes of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FaultKind {
    UnknownHost,
    Refused,
    Unreachable,
    Tls,
    Closed,
    CutOff,
    Garbage,
    RefusedStream,
    Raised,
    Lost,
    Overloaded,
    TimedOut,
    NotAdmitted,
    Generator,
}

impl FaultKind {
    pub(crate) const ALL: [FaultKind; 14] = [
        FaultKind::UnknownHost,
        FaultKind::Refused,
        FaultKind::Unreachable,
        FaultKind::Tls,
        FaultKind::Closed,
        FaultKind::CutOff,
        FaultKind::Garbage,
        FaultKind::RefusedStream,
        FaultKind::Raised,
        FaultKind::Lost,
        FaultKind::Overloaded,
        FaultKind::TimedOut,
        FaultKind::NotAdmitted,
        FaultKind::Generator,
    ];

    /// The name in thresholds and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FaultKind::UnknownHost => "unknown_host",
            FaultKind::Refused => "refused",
            FaultKind::Unreachable => "unreachable",
            FaultKind::Tls => "tls",
            FaultKind::Closed => "closed",
            FaultKind::CutOff => "cut_off",
            FaultKind::Garbage => "garbage",
            FaultKind::RefusedStream => "refused_stream",
            FaultKind::Raised => "raised",
            FaultKind::Lost => "lost",
            FaultKind::Overloaded => "overloaded",
            FaultKind::TimedOut => "timed_out",
            FaultKind::NotAdmitted => "not_admitted",
            FaultKind::Generator => "generator",
        }
    }

    /// The text in reports.
    pub(crate) fn text(self) -> &'static str {
        match self {
            FaultKind::UnknownHost => "unknown host",
            FaultKind::Refused => "refused",
            FaultKind::Unreachable => "unreachable",
            FaultKind::Tls => "TLS failed",
            FaultKind::Closed => "closed before a response",
            FaultKind::CutOff => "closed during a response",
            FaultKind::Garbage => "invalid response",
            FaultKind::RefusedStream => "stream refused",
            FaultKind::Raised => "raised",
            FaultKind::Lost => "connection to the worker lost",
            FaultKind::Overloaded => "overloaded",
            FaultKind::TimedOut => "timed out",
            FaultKind::NotAdmitted => "rejected",
            FaultKind::Generator => "limit of this machine",
        }
    }

    /// Whether the request was not sent, and the next one would fail at once too.
    pub(crate) fn is_before_sending(self) -> bool {
        use FaultKind as F;
        matches!(
            self,
            F::UnknownHost | F::Refused | F::Unreachable | F::Tls | F::NotAdmitted | F::Generator
        )
    }
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, why: impl fmt::Display) -> Self {
        Self { kind, why: why.to_string() }
    }

    /// The fault of a failed connection attempt.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => FaultKind::Refused,
            // No local port is left.
            io::ErrorKind::AddrNotAvailable => FaultKind::Generator,
            _ if is_out_of_descriptors(error) => FaultKind::Generator,
            _ => FaultKind::Unreachable,
        };
        Self::new(kind, error)
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let out = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| out.contains(&code))
}
