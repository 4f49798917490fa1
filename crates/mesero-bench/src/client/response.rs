//! Reads answers of HTTP/1.1 as their bytes come: heads are looked at, bodies are counted.

use std::mem::{self, MaybeUninit};

use http::Method;
use httparse::{Header, ParserConfig, Response, Status};

use crate::client::response::chunks::Chunks;
use crate::client::response::error::Garbage;
use crate::stats::outcome::Answer;

mod chunks;
mod error;

/// No server has a reason to send more; it is what bounds the memory of a connection.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_FIELDS: usize = 100;

/// Reads one answer after the other of a connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// To a HEAD the length is told and no body is sent.
    is_head: bool,
    stage: Stage,
    /// What there is of a head that is not whole yet.
    held: Vec<u8>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    Body(Answer, Framing),
}

/// Where a body ends.
#[derive(Debug)]
enum Framing {
    /// After so many more bytes.
    Length(u64),
    Chunked(Chunks),
    /// With the connection.
    Connection,
}

impl Reader {
    /// Reads answers to requests of a method.
    pub(crate) fn to(method: &Method) -> Self {
        Self { is_head: *method == Method::HEAD, ..Self::default() }
    }

    /// Takes in bytes; returns the answer when it is whole. The connection carries no second answer
    /// if there are bytes after it, since nobody has asked for one.
    ///
    /// # Errors
    /// If this is no HTTP/1.1; the reader is of no use then.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Garbage> {
        if self.held.is_empty() {
            return self.take_in(bytes);
        }
        let mut held = mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        self.take_in(&held)
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Result<Option<Answer>, Garbage> {
        loop {
            match mem::take(&mut self.stage) {
                Stage::Head => match self.head(bytes)? {
                    Some((length, stage)) => {
                        bytes = bytes.get(length..).unwrap_or_default();
                        self.stage = stage;
                    }
                    None if bytes.len() > LONGEST_HEAD => {
                        return Err(Garbage("a head of more than 64 KiB"));
                    }
                    None => {
                        self.held = bytes.to_vec();
                        return Ok(None);
                    }
                },
                Stage::Body(answer, framing) => return self.body(answer, framing, bytes),
            }
        }
    }

    /// The connection has ended; returns the answer if that is where its body ends.
    pub(crate) fn end(&self) -> Option<Answer> {
        match self.stage {
            Stage::Body(answer, Framing::Connection) => Some(answer),
            _ => None,
        }
    }

    /// Whether some of an answer has come, and not all.
    pub(crate) fn is_in_the_middle(&self) -> bool {
        !self.held.is_empty() || matches!(self.stage, Stage::Body(..))
    }

    /// A head if it is whole, its length, and what follows it.
    fn head(&self, bytes: &[u8]) -> Result<Option<(usize, Stage)>, Garbage> {
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
                return Err(Garbage("a head of more than 100 fields"));
            }
            Err(_) => return Err(Garbage("what is not HTTP/1.1")),
        };
        let status = head.code.unwrap_or_default();
        // An interim answer; the real one follows.
        if (100..200).contains(&status) && status != 101 {
            return Ok(Some((length, Stage::Head)));
        }
        let mut keeps = head.version == Some(1);
        let mut framing = Framing::Connection;
        for field in head.headers.iter() {
            if field.name.eq_ignore_ascii_case("content-length") {
                let value = std::str::from_utf8(field.value).ok();
                let length = value.and_then(|value| value.trim().parse().ok());
                let length = length.ok_or(Garbage("a Content-Length that is no number"))?;
                if !matches!(framing, Framing::Chunked(_)) {
                    framing = Framing::Length(length);
                }
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                framing = match has_token(field.value, "chunked") {
                    true => Framing::Chunked(Chunks::default()),
                    false => Framing::Connection,
                };
            } else if field.name.eq_ignore_ascii_case("connection") {
                keeps &= !has_token(field.value, "close");
                keeps |= has_token(field.value, "keep-alive");
            }
        }
        if self.is_head || matches!(status, 204 | 304) {
            framing = Framing::Length(0);
        }
        if status == 101 || matches!(framing, Framing::Connection) {
            keeps = false;
        }
        let answer = Answer { status, body_bytes: 0, keeps };
        Ok(Some((length, Stage::Body(answer, framing))))
    }

    fn body(
        &mut self,
        mut answer: Answer,
        framing: Framing,
        bytes: &[u8],
    ) -> Result<Option<Answer>, Garbage> {
        let came = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let framing = match framing {
            Framing::Length(left) if came >= left => {
                answer.body_bytes += left;
                answer.keeps &= came == left;
                return Ok(Some(answer));
            }
            Framing::Length(left) => {
                answer.body_bytes += came;
                Framing::Length(left - came)
            }
            Framing::Chunked(mut chunks) => match chunks.feed(bytes)? {
                Some(taken) => {
                    answer.body_bytes += chunks.data_bytes();
                    answer.keeps &= taken == bytes.len();
                    return Ok(Some(answer));
                }
                None => Framing::Chunked(chunks),
            },
            Framing::Connection => {
                answer.body_bytes += came;
                Framing::Connection
            }
        };
        self.stage = Stage::Body(answer, framing);
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

    /// Status, bytes of the body, whether the connection is kept.
    type Found = (u16, u64, bool);

    /// All answers in these bytes, fed in pieces of a size.
    fn answers(bytes: &[u8], piece: usize) -> Result<Vec<Found>, Garbage> {
        let mut reader = Reader::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            if let Some(Answer { status, body_bytes, keeps }) = reader.feed(piece)? {
                found.push((status, body_bytes, keeps));
            }
        }
        Ok(found)
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
        for (bytes, wanted) in cases {
            for piece in 1..=bytes.len() {
                assert_eq!(answers(bytes, piece).unwrap(), [wanted], "pieces of {piece}");
            }
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_its_connection() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(None));
        assert_eq!(reader.feed(b"def"), Ok(None));
        assert_eq!(reader.end(), Some(Answer { status: 200, body_bytes: 6, keeps: false }));
    }

    #[test]
    fn an_answer_that_ends_too_early_is_none() {
        for early in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"HTTP/1.1 200",
        ] {
            let mut reader = Reader::default();
            assert_eq!(reader.feed(early), Ok(None));
            assert!(reader.is_in_the_middle());
            assert_eq!(reader.end(), None);
        }
    }

    #[test]
    fn what_nobody_asked_for_ends_the_connection_and_not_the_answer() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n";
        assert_eq!(answers(bytes, bytes.len()).unwrap(), [(200, 2, false)]);
    }

    #[test]
    fn an_answer_to_head_has_no_body_whatever_it_says() {
        let mut reader = Reader::to(&Method::HEAD);
        let answer = reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap();
        assert_eq!(answer, Some(Answer { status: 200, body_bytes: 0, keeps: true }));
    }

    #[test]
    fn garbage_is_told_from_an_answer() {
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
