//! What a worker's answer to a call means.

use mesero::Failure;
use serde::Deserialize;

use crate::process::frame::{Frame, from_worker};
use crate::resource::{Reply, ReplyForm};

/// An exception, as a worker tells of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Raised {
    /// The qualified name of its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) traceback: String,
}

impl From<Raised> for Failure {
    fn from(Raised { kind, text, traceback }: Raised) -> Self {
        Failure::raised(format!("{kind}: {text}")).with_detail(traceback)
    }
}

/// The reply or the failure that `frame` stands for.
pub(super) fn read(frame: Frame, form: ReplyForm) -> Result<Reply, Failure> {
    match frame.kind {
        from_worker::VALUE => Ok(Reply::value(form, frame.payload)),
        from_worker::RAISED => match serde_json::from_slice::<Raised>(&frame.payload) {
            Ok(raised) => Err(raised.into()),
            Err(error) => Err(garbled(&format!("an exception that is no JSON: {error}"))),
        },
        from_worker::CANCELLED => Err(Failure::raised("CancelledError: the task was cancelled")),
        kind => Err(garbled(&format!("a frame of the unknown kind {kind}"))),
    }
}

fn garbled(what: &str) -> Failure {
    Failure::lost(format!("the worker answered with {what}"))
}
