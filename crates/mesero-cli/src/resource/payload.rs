//! A request's body on its way to a resource.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::body::Incoming;

/// A request's body; cheap to clone, since every attempt needs it.
#[derive(Clone)]
pub(crate) enum Payload {
    /// Received whole: every attempt can have it.
    Whole(Bytes),
    /// Still coming: only the first attempt that asks can have it.
    Coming(Arc<Mutex<Option<Incoming>>>),
}

impl Payload {
    /// A body that is passed on as it comes.
    pub(crate) fn coming(body: Incoming) -> Self {
        Self::Coming(Arc::new(Mutex::new(Some(body))))
    }

    /// Whether another attempt could send it again.
    pub(crate) fn is_replayable(&self) -> bool {
        match self {
            Payload::Whole(_) => true,
            Payload::Coming(body) => body.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
        }
    }

    /// The body that still comes, for whoever asks first.
    pub(crate) fn take_coming(&self) -> Option<Incoming> {
        match self {
            Payload::Whole(_) => None,
            Payload::Coming(body) => body.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Payload::Coming(_) => f.write_str("Coming"),
        }
    }
}
