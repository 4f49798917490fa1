//! A worker's answers to calls, as replies and failures.

use std::collections::BTreeMap;

use http::StatusCode;
use mesero::{Advice, Failure};
use mesero_config::ReplyForm;
use mesero_process::frame::{Frame, from_worker};
use serde::Deserialize;

use crate::{Reply, StatusOverride};

/// Statuses of exceptions, by the qualified names of their types.
pub(crate) type Exceptions = BTreeMap<String, StatusCode>;

/// An exception, as a worker reports it.
#[derive(Debug, Clone, Deserialize)]
pub struct Raised {
    /// The qualified name of its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Qualified names of the base types, the nearest first.
    #[serde(default)]
    pub(crate) bases: Vec<String>,
    pub(crate) text: String,
    pub(crate) traceback: String,
}

impl From<Raised> for Failure {
    fn from(Raised { kind, text, traceback, .. }: Raised) -> Self {
        Failure::raised(format!("{kind}: {text}")).with_detail(traceback)
    }
}

impl Raised {
    /// Returns the failure for this exception. If the configuration sets a status for its type, the
    /// exception is expected, and no traceback is kept.
    fn among(self, exceptions: &Exceptions) -> Failure {
        let mut types = std::iter::once(&self.kind).chain(&self.bases);
        let Some(status) = types.find_map(|name| exceptions.get(name)) else { return self.into() };
        let declared =
            StatusOverride { status: *status, text: format!("{}: {}", self.kind, self.text) };
        let failure = Failure::from(declared);
        match *status {
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => failure.advise(Advice::Backoff),
            _ => failure,
        }
    }
}

/// Returns the reply or the failure that `frame` contains.
pub(super) fn read(
    frame: Frame,
    form: ReplyForm,
    exceptions: &Exceptions,
) -> Result<Reply, Failure> {
    match frame.kind {
        from_worker::VALUE => Ok(Reply::value(form, frame.payload)),
        from_worker::RAISED => match serde_json::from_slice::<Raised>(&frame.payload) {
            Ok(raised) => Err(raised.among(exceptions)),
            Err(error) => Err(garbled(&format!("an exception that is not JSON: {error}"))),
        },
        from_worker::CANCELED => Err(Failure::raised("CancelledError: the task was canceled")),
        kind => Err(garbled(&format!("a frame of the unknown kind {kind}"))),
    }
}

fn garbled(what: &str) -> Failure {
    Failure::lost(format!("the worker answered with {what}"))
}
