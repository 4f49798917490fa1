//! Strict framing of an HTTP/1.1 connection: rejects every message that two parsers could read in two ways.

mod head;
mod line;
mod violation;

#[cfg(test)]
mod tests;

pub(super) use violation::Violation;

use head::Head;
use line::{FieldKind, Version};

/// The first bytes of a client that speaks HTTP/2 with prior knowledge.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Far more than a size and any extension in use; a longer line only wastes the server's time.
const CHUNK_LINE_BYTES: usize = 1_024;

/// No client needs extensions; a body that is mostly extensions only wastes the server's time.
const EXTENSION_BYTES: usize = 8 * 1_024;

/// Half of the 16 KiB at which hyper's parser fails.
const TRAILER_BYTES: usize = 8 * 1_024;

/// The place in the byte stream of one connection, from the first request to the last.
///
/// It allocates nothing for a usual head, and reads each byte of it once. Only complete heads pass, so that the parser
/// behind it never sees a part of a rejected message.
#[derive(Debug)]
pub(crate) struct RequestFraming {
    head_bytes: usize,
    next: NextPart,
    head: Head,
    /// Number of heads that passed so far.
    heads: u64,
    /// Number of held bytes that have been checked.
    judged: usize,
    /// Number of held bytes that have been searched for a line end.
    searched: usize,
}

/// A violation of the framing, which ends the connection, and the number of good bytes before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Number of input bytes that belong to messages before the bad one.
    pub(crate) passed: usize,
    /// True if the head of the bad message passed in an earlier call, and its body is bad.
    pub(crate) midway: bool,
    pub(crate) violation: Violation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextPart {
    /// The connection's first byte, the only place where HTTP/2 may begin.
    Opening,
    RequestLine {
        after_blank: bool,
    },
    Fields,
    Body {
        left: u64,
    },
    ChunkSize,
    ChunkData {
        left: u64,
    },
    ChunkEnd,
    Trailers,
    /// Not HTTP/1; everything passes.
    Opaque,
    /// Nothing: no byte passes after a violation.
    Refused,
}

impl RequestFraming {
    /// Begins before the first byte of a connection; a head may have `head_bytes` at most.
    pub(crate) fn new(head_bytes: usize) -> Self {
        Self {
            head_bytes,
            next: NextPart::Opening,
            head: Head::default(),
            heads: 0,
            judged: 0,
            searched: 0,
        }
    }

    /// Checks `input`, and returns how many of its bytes may be forwarded.
    ///
    /// The bytes after those are the beginning of an incomplete line or head: the input of the next call must begin with
    /// them, followed by the bytes that have arrived since.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<usize, Breach> {
        let mut start = self.between_messages_or_in_head().then_some(0);
        let mut at = self.judged;
        let mut passed = 0;
        while at < input.len() {
            let searched = self.searched.saturating_sub(at);
            match self.step(&input[at..], searched) {
                Ok(0) => break,
                Ok(read) => at += read,
                Err(violation) => return Err(self.refuse(start, violation)),
            }
            match self.next {
                NextPart::RequestLine { after_blank: false } => {
                    start = Some(at);
                    passed = at;
                }
                NextPart::RequestLine { after_blank: true } | NextPart::Fields => {}
                // A trailer section passes when it is complete, as a head does.
                NextPart::Trailers if self.head.bytes > 0 => {}
                _ => passed = at,
            }
        }
        self.judged = at - passed;
        self.searched = input.len() - passed;
        Ok(passed)
    }

    /// The number of heads that passed.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// True if the client speaks another protocol, which is not checked here.
    pub(crate) fn is_opaque(&self) -> bool {
        self.next == NextPart::Opaque
    }

    /// True if the next bytes belong to a message whose head passed.
    pub(crate) fn is_in_body(&self) -> bool {
        !self.between_messages_or_in_head() && !self.is_opaque()
    }

    fn between_messages_or_in_head(&self) -> bool {
        matches!(self.next, NextPart::Opening | NextPart::RequestLine { .. } | NextPart::Fields)
    }

    fn refuse(&mut self, start: Option<usize>, violation: Violation) -> Breach {
        if start.is_some() && self.is_in_body() {
            // Its head passed in this call, and is taken back.
            self.heads -= 1;
        }
        self.next = NextPart::Refused;
        Breach { passed: start.unwrap_or(0), midway: start.is_none(), violation }
    }

    /// Reads one line or one run of body bytes, and returns its length; 0 means that more bytes are needed.
    fn step(&mut self, rest: &[u8], searched: usize) -> Result<usize, Violation> {
        match self.next {
            NextPart::Opening => self.opening(rest),
            NextPart::RequestLine { after_blank } => self.request_line(rest, searched, after_blank),
            NextPart::Fields => self.field(rest, searched),
            NextPart::Body { left } => Ok(self.run(rest, left, |left| NextPart::Body { left })),
            NextPart::ChunkData { left } => {
                Ok(self.run(rest, left, |left| NextPart::ChunkData { left }))
            }
            NextPart::ChunkSize => self.chunk_size(rest, searched),
            NextPart::ChunkEnd => self.chunk_end(rest),
            NextPart::Trailers => self.trailer(rest, searched),
            NextPart::Opaque => Ok(rest.len()),
            NextPart::Refused => Ok(0),
        }
    }

    fn opening(&mut self, rest: &[u8]) -> Result<usize, Violation> {
        if rest.starts_with(PREFACE) {
            self.next = NextPart::Opaque;
            return Ok(rest.len());
        }
        if PREFACE.starts_with(rest) {
            return Ok(0);
        }
        self.next_message();
        self.request_line(rest, 0, false)
    }

    fn request_line(
        &mut self,
        rest: &[u8],
        searched: usize,
        after_blank: bool,
    ) -> Result<usize, Violation> {
        if rest[0] == b'\r' && !after_blank {
            // Old clients send an empty line after a body (RFC 9112, 2.2).
            return match rest.get(1) {
                None => Ok(0),
                Some(b'\n') => {
                    self.next = NextPart::RequestLine { after_blank: true };
                    Ok(2)
                }
                Some(_) => Err(Violation::BareCr),
            };
        }
        line::may_begin_request(rest[0])?;
        let Some(line) = self.head_line(rest, searched, self.head_bytes)? else {
            return Ok(0);
        };
        self.head.version = line::request(line)?;
        self.next = NextPart::Fields;
        Ok(line.len() + 2)
    }

    fn field(&mut self, rest: &[u8], searched: usize) -> Result<usize, Violation> {
        let Some(line) = self.head_line(rest, searched, self.head_bytes)? else {
            return Ok(0);
        };
        if line.is_empty() {
            self.end_of_head()?;
        } else {
            self.head.take(line::field(line)?)?;
        }
        Ok(line.len() + 2)
    }

    fn end_of_head(&mut self) -> Result<(), Violation> {
        if self.head.version == Version::Http11 && !self.head.host {
            return Err(Violation::MissingHost);
        }
        self.heads += 1;
        if self.head.chunked {
            self.next = NextPart::ChunkSize;
        } else {
            match self.head.length {
                None | Some(0) => self.next_message(),
                Some(left) => self.next = NextPart::Body { left },
            }
        }
        Ok(())
    }

    fn next_message(&mut self) {
        self.head = Head::default();
        self.next = NextPart::RequestLine { after_blank: false };
    }

    fn run(&mut self, rest: &[u8], left: u64, next: fn(u64) -> NextPart) -> usize {
        let here = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        match left - here as u64 {
            0 if self.head.chunked => self.next = NextPart::ChunkEnd,
            0 => self.next_message(),
            left => self.next = next(left),
        }
        here
    }

    fn chunk_size(&mut self, rest: &[u8], searched: usize) -> Result<usize, Violation> {
        let Some(line) = line::next(rest, searched)? else {
            return if rest.len() > CHUNK_LINE_BYTES {
                Err(Violation::ChunkLineTooLong)
            } else {
                Ok(0)
            };
        };
        if line.len() > CHUNK_LINE_BYTES {
            return Err(Violation::ChunkLineTooLong);
        }
        let chunk = line::chunk(line)?;
        self.head.extension_bytes += chunk.extension_bytes;
        if self.head.extension_bytes > EXTENSION_BYTES {
            return Err(Violation::ChunkLineTooLong);
        }
        if chunk.size == 0 {
            self.head.bytes = 0;
            self.head.fields = 0;
            self.next = NextPart::Trailers;
        } else {
            self.next = NextPart::ChunkData { left: chunk.size };
        }
        Ok(line.len() + 2)
    }

    fn chunk_end(&mut self, rest: &[u8]) -> Result<usize, Violation> {
        match rest {
            [b'\r'] => Ok(0),
            [b'\r', b'\n', ..] => {
                self.next = NextPart::ChunkSize;
                Ok(2)
            }
            [b'\n', ..] => Err(Violation::BareLf),
            _ => Err(Violation::ChunkEnd),
        }
    }

    fn trailer(&mut self, rest: &[u8], searched: usize) -> Result<usize, Violation> {
        let Some(line) = self.head_line(rest, searched, TRAILER_BYTES)? else {
            return Ok(0);
        };
        if line.is_empty() {
            self.next_message();
        } else {
            match line::field(line)? {
                FieldKind::Other => self.head.count_field()?,
                FieldKind::Host | FieldKind::ContentLength(_) | FieldKind::TransferEncoding => {
                    return Err(Violation::FramingTrailer);
                }
            }
        }
        Ok(line.len() + 2)
    }

    /// The next line of a head or of the trailers, counted against `most` bytes for all of them.
    fn head_line<'a>(
        &mut self,
        rest: &'a [u8],
        searched: usize,
        most: usize,
    ) -> Result<Option<&'a [u8]>, Violation> {
        let line = line::next(rest, searched)?;
        let bytes = line.map_or(rest.len(), |line| line.len() + 2);
        if self.head.bytes + bytes > most {
            return Err(Violation::HeadTooLarge);
        }
        if line.is_some() {
            self.head.bytes += bytes;
        }
        Ok(line)
    }
}
