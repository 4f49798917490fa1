//! A request's body on its way to a resource.

use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::body::Incoming;

/// A request's body; cheap to clone, since every attempt needs it.
#[derive(Clone)]
pub enum Payload {
    /// In memory: every attempt can send it.
    Whole(Bytes),
    /// In a file: every attempt can send it.
    Stored(Arc<Stored>),
    /// Still arriving: only the first attempt that takes it can send it.
    Streaming(Arc<Mutex<Option<Incoming>>>),
}

/// A body in a file without a name, which the system removes when this is dropped.
#[derive(Debug)]
pub struct Stored {
    file: File,
    bytes: u64,
}

impl Stored {
    pub(crate) fn new(file: File, bytes: u64) -> Self {
        Self { file, bytes }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl AsFd for Stored {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Payload {
    /// The bytes of a body in memory; none of another.
    pub fn buffered(&self) -> Bytes {
        match self {
            Payload::Whole(bytes) => bytes.clone(),
            Payload::Stored(_) | Payload::Streaming(_) => Bytes::new(),
        }
    }

    /// The number of bytes in memory.
    pub fn buffered_len(&self) -> usize {
        match self {
            Payload::Whole(bytes) => bytes.len(),
            Payload::Stored(_) | Payload::Streaming(_) => 0,
        }
    }

    /// A body that is forwarded while it arrives.
    pub fn streaming(body: Incoming) -> Self {
        Self::Streaming(Arc::new(Mutex::new(Some(body))))
    }

    /// True if another attempt can send the body again.
    pub fn is_replayable(&self) -> bool {
        match self {
            Payload::Whole(_) | Payload::Stored(_) => true,
            Payload::Streaming(body) => {
                body.lock().unwrap_or_else(PoisonError::into_inner).is_some()
            }
        }
    }

    /// Takes the arriving body; `None` after the first call.
    pub fn take_stream(&self) -> Option<Incoming> {
        match self {
            Payload::Whole(_) | Payload::Stored(_) => None,
            Payload::Streaming(body) => body.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Payload::Stored(stored) => write!(f, "Stored({} bytes)", stored.bytes),
            Payload::Streaming(_) => f.write_str("Streaming"),
        }
    }
}
