//! Reads HTTP/1.1 responses incrementally: it parses heads, and counts the bytes of bodies.

use std::mem::{self, MaybeUninit};

use http::Method;
use httparse::{Header, ParserConfig, Response, Status};

use crate::client::response::chunks::ChunkedBody;
use crate::client::response::error::MalformedResponse;
use crate::stats::outcome::ResponseSummary;

mod chunks;
mod error;

/// More than any server sends; it bounds the memory of a connection.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_FIELDS: usize = 100;

/// Reads the responses of a connection, one after the other.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    /// Responses to HEAD announce a length and have no body.
    is_head: bool,
    stage: ReaderStage,
    /// The part of an incomplete head.
    held: Vec<u8>,
}

#[derive(Debug, Default)]
enum ReaderStage {
    #[default]
    Head,
    Body(ResponseSummary, BodyFraming),
}

/// The end of a body.
#[derive(Debug)]
enum BodyFraming {
    /// After this many bytes more.
    Length(u64),
    Chunked(ChunkedBody),
    /// At the end of the connection.
    Connection,
}

impl ResponseReader {
    /// Reads responses to requests of this method.
    pub(crate) fn to(method: &Method) -> Self {
        Self { is_head: *method == Method::HEAD, ..Self::default() }
    }

    /// Reads bytes; returns the response when it is complete. With further bytes the connection is not reused, since
    /// they belong to no request.
    ///
    /// # Errors
    /// If this is no HTTP/1.1; the reader cannot be used after that.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<ResponseSummary>, MalformedResponse> {
        if self.held.is_empty() {
            return self.take_in(bytes);
        }
        let mut held = mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        self.take_in(&held)
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Result<Option<ResponseSummary>, MalformedResponse> {
        loop {
            match mem::take(&mut self.stage) {
                ReaderStage::Head => match self.head(bytes)? {
                    Some((length, stage)) => {
                        bytes = bytes.get(length..).unwrap_or_default();
                        self.stage = stage;
                    }
                    None if bytes.len() > LONGEST_HEAD => {
                        return Err(MalformedResponse("a head of more than 64 KiB"));
                    }
                    None => {
                        self.held = bytes.to_vec();
                        return Ok(None);
                    }
                },
                ReaderStage::Body(answer, framing) => return self.body(answer, framing, bytes),
            }
        }
    }

    /// The connection has ended; returns the response if its body ends there.
    pub(crate) fn end(&self) -> Option<ResponseSummary> {
        match self.stage {
            ReaderStage::Body(answer, BodyFraming::Connection) => Some(answer),
            _ => None,
        }
    }

    /// Whether a part of a response has arrived.
    pub(crate) fn has_partial_response(&self) -> bool {
        !self.held.is_empty() || matches!(self.stage, ReaderStage::Body(..))
    }

    /// A complete head, its length, and the next state.
    fn head(&self, bytes: &[u8]) -> Result<Option<(usize, ReaderStage)>, MalformedResponse> {
        let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_FIELDS];
        let mut head = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut head,
            bytes,
            &mut fields,
        );
        let length = match parsed {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(MalformedResponse("a head of more than 100 fields"));
            }
            Err(_) => return Err(MalformedResponse("what is not HTTP/1.1")),
        };
        let status = head.code.unwrap_or_default();
        // An interim response; the final one follows.
        if (100..200).contains(&status) && status != 101 {
            return Ok(Some((length, ReaderStage::Head)));
        }
        let mut keeps_alive = head.version == Some(1);
        let mut framing = BodyFraming::Connection;
        for field in head.headers.iter() {
            if field.name.eq_ignore_ascii_case("content-length") {
                let value = std::str::from_utf8(field.value).ok();
                let length = value.and_then(|value| value.trim().parse().ok());
                let length =
                    length.ok_or(MalformedResponse("a Content-Length that is no number"))?;
                if !matches!(framing, BodyFraming::Chunked(_)) {
                    framing = BodyFraming::Length(length);
                }
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                framing = if has_token(field.value, "chunked") {
                    BodyFraming::Chunked(ChunkedBody::default())
                } else {
                    BodyFraming::Connection
                };
            } else if field.name.eq_ignore_ascii_case("connection") {
                keeps_alive &= !has_token(field.value, "close");
                keeps_alive |= has_token(field.value, "keep-alive");
            }
        }
        if self.is_head || matches!(status, 204 | 304) {
            framing = BodyFraming::Length(0);
        }
        if status == 101 || matches!(framing, BodyFraming::Connection) {
            keeps_alive = false;
        }
        let answer = ResponseSummary { status, body_bytes: 0, keeps_alive };
        Ok(Some((length, ReaderStage::Body(answer, framing))))
    }

    fn body(
        &mut self,
        mut answer: ResponseSummary,
        framing: BodyFraming,
        bytes: &[u8],
    ) -> Result<Option<ResponseSummary>, MalformedResponse> {
        let came = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let framing = match framing {
            BodyFraming::Length(left) if came >= left => {
                answer.body_bytes += left;
                answer.keeps_alive &= came == left;
                return Ok(Some(answer));
            }
            BodyFraming::Length(left) => {
                answer.body_bytes += came;
                BodyFraming::Length(left - came)
            }
            BodyFraming::Chunked(mut chunks) => match chunks.feed(bytes)? {
                Some(taken) => {
                    answer.body_bytes += chunks.data_bytes();
                    answer.keeps_alive &= taken == bytes.len();
                    return Ok(Some(answer));
                }
                None => BodyFraming::Chunked(chunks),
            },
            BodyFraming::Connection => {
                answer.body_bytes += came;
                BodyFraming::Connection
            }
        };
        self.stage = ReaderStage::Body(answer, framing);
        Ok(None)
    }
}

fn has_token(value: &[u8], token: &str) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, body bytes, and whether the connection is kept.
    type Found = (u16, u64, bool);

    /// All responses in these bytes, fed in pieces of this size.
    fn answers(bytes: &[u8], piece: usize) -> Result<Vec<Found>, MalformedResponse> {
        let mut reader = ResponseReader::default();
        let mut responses = Vec::new();
        for piece in bytes.chunks(piece) {
            if let Some(ResponseSummary { status, body_bytes, keeps_alive }) = reader.feed(piece)? {
                responses.push((status, body_bytes, keeps_alive));
            }
        }
        Ok(responses)
    }

    #[test]
    fn an_answer_ends_where_its_length_or_its_last_chunk_says_however_it_is_cut() {
        let cases: [(&[u8], Found); 6] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", (200, 5, true)),
            (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", (204, 0, false)),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
                (200, 13, true),
            ),
            (b"HTTP/1.0 503 Busy\r\nContent-Length: 2\r\n\r\nno", (503, 2, false)),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n", (201, 0, true)),
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", (304, 0, true)),
        ];
        for (bytes, expected) in cases {
            for piece in 1..=bytes.len() {
                assert_eq!(answers(bytes, piece).unwrap(), [expected], "pieces of {piece}");
            }
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_its_connection() {
        let mut reader = ResponseReader::default();
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(None));
        assert_eq!(reader.feed(b"def"), Ok(None));
        assert_eq!(
            reader.end(),
            Some(ResponseSummary { status: 200, body_bytes: 6, keeps_alive: false })
        );
    }

    #[test]
    fn a_truncated_response_is_none() {
        for early in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"HTTP/1.1 200",
        ] {
            let mut reader = ResponseReader::default();
            assert_eq!(reader.feed(early), Ok(None));
            assert!(reader.has_partial_response());
            assert_eq!(reader.end(), None);
        }
    }

    #[test]
    fn bytes_after_a_response_end_the_connection_and_not_the_response() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n";
        assert_eq!(answers(bytes, bytes.len()).unwrap(), [(200, 2, false)]);
    }

    #[test]
    fn an_answer_to_head_has_no_body_whatever_it_says() {
        let mut reader = ResponseReader::to(&Method::HEAD);
        let answer = reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap();
        assert_eq!(answer, Some(ResponseSummary { status: 200, body_bytes: 0, keeps_alive: true }));
    }

    #[test]
    fn malformed_responses_are_errors() {
        for garbage in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            b"\0\0\0",
        ] {
            assert!(answers(garbage, garbage.len()).is_err(), "{garbage:?}");
        }
        let endless = [&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'a'; LONGEST_HEAD]].concat();
        assert!(answers(&endless, 4_096).is_err());
    }
}
