//! What becomes of a request, each way under its own name.

use std::fmt;
use std::io;

/// How a request ended.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// A whole answer came.
    Answered(ResponseSummary),
    /// The client's patience was at its end; it has closed its connection, or over HTTP/2 its stream.
    ClientTimeout,
    /// The client's patience was at its end before a connection or a stream was free.
    Unsent,
    Failed(Fault),
}

/// A whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseSummary {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    /// Whether its server lets the connection be used again.
    pub(crate) keeps_alive: bool,
}

impl ResponseSummary {
    /// Whether it is work done: a status of 2xx.
    pub(crate) fn is_ok(self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there was no answer.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// In the words of whoever noticed.
    pub(crate) why: String,
}

/// The names of failures.
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

    /// As it is called in expectations and in JSON.
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

    /// As a person reads it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            FaultKind::UnknownHost => "unknown host",
            FaultKind::Refused => "refused",
            FaultKind::Unreachable => "unreachable",
            FaultKind::Tls => "TLS failed",
            FaultKind::Closed => "closed before an answer",
            FaultKind::CutOff => "closed in the middle of an answer",
            FaultKind::Garbage => "answered garbage",
            FaultKind::RefusedStream => "stream refused",
            FaultKind::Raised => "raised",
            FaultKind::Lost => "lost in the middle",
            FaultKind::Overloaded => "too much to do",
            FaultKind::TimedOut => "timed out",
            FaultKind::NotAdmitted => "not let in",
            FaultKind::Generator => "not possible on this machine",
        }
    }

    /// Whether it takes no time and nothing was asked, so that the next request would fail at once too.
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

    /// Why a connection could not be made.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => FaultKind::Refused,
            // No port is left to connect from.
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
