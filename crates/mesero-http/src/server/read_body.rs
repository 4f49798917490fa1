//! Reads a request's body, completely or not at all.

use std::{error::Error, fmt, io, pin::Pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, Incoming};
use tokio::{fs::File, io::AsyncWriteExt, time::timeout};

use super::framing::Violation;
use crate::payload::{Payload, Stored};

/// A request body that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadBodyError {
    TooLarge {
        limit: usize,
    },
    /// The client disconnected, or ended its side, before the body's end.
    Incomplete,
    /// The body violates its framing.
    Malformed(Option<Violation>),
    TooSlow {
        after: Duration,
    },
    /// The disk is full or failed.
    NotStored(io::ErrorKind),
}

impl From<io::Error> for ReadBodyError {
    fn from(error: io::Error) -> Self {
        Self::NotStored(error.kind())
    }
}

/// Reads a request body of at most `limit` bytes into memory, within the time `within`.
///
/// A body that announces more than `limit` is rejected before a byte of it is read, so a client that waits for
/// `100 Continue` never sends it. An empty body costs nothing, and a body that arrives in a single piece is not copied.
/// Dropping the future drops the bytes read so far, and the connection cannot be used again.
pub async fn into_memory(
    body: Incoming,
    limit: usize,
    within: Duration,
) -> Result<Bytes, ReadBodyError> {
    use hyper::body::Body as _;

    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = body.size_hint();
    if usize::try_from(announced.lower()).map_or(true, |lower| lower > limit) {
        return Err(ReadBodyError::TooLarge { limit });
    }
    match timeout(within, collect(body, limit)).await {
        Ok(received) => received,
        Err(_) => Err(ReadBodyError::TooSlow { after: within }),
    }
}

/// Reads a request body like [`into_memory`], but a body of more than 64 KiB into a file without a name, which a drop of
/// the future removes.
pub async fn into_memory_or_file(
    body: Incoming,
    limit: usize,
    within: Duration,
) -> Result<Payload, ReadBodyError> {
    use hyper::body::Body as _;

    if body.is_end_stream() {
        return Ok(Payload::Whole(Bytes::new()));
    }
    if usize::try_from(body.size_hint().lower()).map_or(true, |lower| lower > limit) {
        return Err(ReadBodyError::TooLarge { limit });
    }
    match timeout(within, collect_or_store(body, limit)).await {
        Ok(received) => received,
        Err(_) => Err(ReadBodyError::TooSlow { after: within }),
    }
}

/// The largest body that is kept in memory.
const IN_MEMORY_BYTES: usize = 64 * 1024;

async fn collect_or_store(mut body: Incoming, limit: usize) -> Result<Payload, ReadBodyError> {
    let mut pieces = BodyBuffer::default();
    let mut stored: Option<File> = None;
    let mut length = 0;
    while let Some(frame) = next(&mut body).await {
        let frame = frame.map_err(|error| classify(&error))?;
        let Ok(piece) = frame.into_data() else { continue };
        if piece.len() > limit - length {
            return Err(ReadBodyError::TooLarge { limit });
        }
        length += piece.len();
        match &mut stored {
            Some(file) => file.write_all(&piece).await?,
            None if length <= IN_MEMORY_BYTES => pieces.push(piece, 0),
            None => {
                // Without a name, so that the system frees it even after a crash.
                let mut file = File::from_std(tempfile::tempfile()?);
                file.write_all(&std::mem::take(&mut pieces).joined()).await?;
                file.write_all(&piece).await?;
                stored = Some(file);
            }
        }
    }
    match stored {
        None => Ok(Payload::Whole(pieces.joined())),
        Some(mut file) => {
            // A full disk may be reported only now.
            file.flush().await?;
            let bytes = u64::try_from(length).unwrap_or(u64::MAX);
            Ok(Payload::Stored(Arc::new(Stored::new(file.into_std().await, bytes))))
        }
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, ReadBodyError> {
    let announced = hyper::body::Body::size_hint(&body).lower();
    let mut pieces = BodyBuffer::default();
    while let Some(frame) = next(&mut body).await {
        let frame = frame.map_err(|error| classify(&error))?;
        // Trailers are not used.
        if let Ok(piece) = frame.into_data() {
            if piece.len() > limit - pieces.len() {
                return Err(ReadBodyError::TooLarge { limit });
            }
            pieces.push(piece, announced);
        }
    }
    Ok(pieces.joined())
}

async fn next(body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
    std::future::poll_fn(|cx| hyper::body::Body::poll_frame(Pin::new(&mut *body), cx)).await
}

/// The pieces of a body so far; a single piece is not copied.
#[derive(Default)]
struct BodyBuffer {
    first: Bytes,
    joined: BytesMut,
}

/// The most that is reserved for an announced length, since a client can announce much and send nothing.
const RESERVED_BYTES: u64 = 256 * 1_024;

impl BodyBuffer {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, piece: Bytes, announced: u64) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.joined.is_empty() {
            let announced = usize::try_from(announced.min(RESERVED_BYTES)).unwrap_or(0);
            self.joined.reserve(announced.max(self.first.len() + piece.len()));
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&piece);
    }

    fn joined(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

pub(super) fn classify(error: &hyper::Error) -> ReadBodyError {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let violation =
        io.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<Violation>());
    if let Some(violation) = violation {
        return ReadBodyError::Malformed(Some(*violation));
    }
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            ReadBodyError::Malformed(None)
        }
        _ => ReadBodyError::Incomplete,
    }
}

impl fmt::Display for ReadBodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => {
                write!(formatter, "a request body of more than {limit} bytes")
            }
            Self::Incomplete => formatter.write_str("a request body that was cut short"),
            Self::Malformed(Some(violation)) => violation.fmt(formatter),
            Self::Malformed(None) => formatter.write_str("a request body that is not well-formed"),
            Self::NotStored(kind) => {
                write!(formatter, "a request body that could not be stored: {kind}")
            }
            Self::TooSlow { after } => {
                write!(formatter, "a request body that was not whole after {after:?}")
            }
        }
    }
}

impl Error for ReadBodyError {}
