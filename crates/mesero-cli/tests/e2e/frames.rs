//! An HTTP/2 server that a test plays frame by frame (RFC 9113), as a library would not let it.

use std::collections::VecDeque;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::harness::HANG_TIMEOUT;
use crate::upstream::{Stream, Wire};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;

/// `:status: 200`, and nothing else (RFC 7541, appendix A).
const STATUS_200: &[u8] = &[0x88];

/// A connection to a client that speaks HTTP/2 by prior knowledge.
///
/// A client may close it whenever it has what it wants. Frames that are sent after that are lost,
/// as on a network; what is read after that is the end of the connection.
pub(crate) struct Frames {
    stream: Box<dyn Stream>,
    /// Events that have been read and not been waited for yet, in their order.
    heard: VecDeque<Heard>,
}

/// An event at a client that a test may wait for, with the number of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The head of a request.
    Request(u32),
    /// The end of a request that has a body.
    End(u32),
    Reset(u32),
}

impl Frames {
    /// Reads the preface, and grants so many streams.
    pub(crate) async fn begin(wire: Wire, streams: u32) -> Self {
        let mut frames = Self { stream: wire.into_stream(), heard: VecDeque::new() };
        let preface = frames.bytes(24).await.expect("a preface");
        assert_eq!(preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut grant = vec![0, 3];
        grant.extend(streams.to_be_bytes());
        frames.send((SETTINGS, 0), 0, &grant).await;
        frames
    }

    /// Waits for an event; keeps those that come before it.
    pub(crate) async fn heard(&mut self, wanted: impl Fn(Heard) -> bool) -> Heard {
        let mut seen = 0;
        loop {
            while let Some(heard) = self.heard.get(seen).copied() {
                if wanted(heard) {
                    self.heard.remove(seen);
                    return heard;
                }
                seen += 1;
            }
            assert!(self.listen().await, "the connection ended; heard {:?}", self.heard);
        }
    }

    /// Waits for the head of a request; returns the number of its stream.
    pub(crate) async fn request(&mut self) -> u32 {
        match self.heard(|heard| matches!(heard, Heard::Request(_))).await {
            Heard::Request(stream) => stream,
            other => panic!("{other:?}"),
        }
    }

    /// Answers 200 with this body.
    pub(crate) async fn answer(&mut self, stream: u32, body: &str) {
        self.begin_answer(stream).await;
        self.last(stream, body.as_bytes()).await;
    }

    /// Sends 103, early hints, before the answer.
    pub(crate) async fn interim(&mut self, stream: u32) {
        // The name by its number, and three characters (RFC 7541, 6.2.2).
        let head = [&[0x08, 3], &b"103"[..]].concat();
        self.send((HEADERS, END_HEADERS), stream, &head).await;
    }

    pub(crate) async fn begin_answer(&mut self, stream: u32) {
        self.send((HEADERS, END_HEADERS), stream, STATUS_200).await;
    }

    /// Begins an answer whose body will have so many bytes: fewer than ten.
    pub(crate) async fn begin_answer_of(&mut self, stream: u32, length: u8) {
        // The name by its number, and one character (RFC 7541, 6.2.2).
        let head = [STATUS_200, &[0x0f, 0x0d, 1, b'0' + length]].concat();
        self.send((HEADERS, END_HEADERS), stream, &head).await;
    }

    /// Sends the last piece of the body of an answer.
    pub(crate) async fn last(&mut self, stream: u32, bytes: &[u8]) {
        self.send((DATA, END_STREAM), stream, bytes).await;
    }

    /// Sends a piece of the body of an answer that is not its last.
    pub(crate) async fn piece(&mut self, stream: u32, bytes: &[u8]) {
        self.send((DATA, 0), stream, bytes).await;
    }

    pub(crate) async fn reset(&mut self, stream: u32, reason: u32) {
        self.send((RESET, 0), stream, &reason.to_be_bytes()).await;
    }

    /// Announces that no stream after `last` is processed.
    pub(crate) async fn go_away(&mut self, last: u32) {
        self.go_away_for(last, NO_ERROR).await;
    }

    /// As [`go_away`](Self::go_away), for a reason.
    pub(crate) async fn go_away_for(&mut self, last: u32, reason: u32) {
        let payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
        self.send((GO_AWAY, 0), 0, &payload).await;
    }

    /// Waits until the client has closed the connection; it must have sent no further request.
    pub(crate) async fn closed(mut self) {
        while self.listen().await {}
        let asked = self.heard.iter().any(|heard| matches!(heard, Heard::Request(_)));
        assert!(!asked, "{:?}", self.heard);
    }

    /// Waits for the next event; none at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        while self.heard.is_empty() && self.listen().await {}
        self.heard.pop_front()
    }

    /// Reads a frame; false at the end of the connection.
    async fn listen(&mut self) -> bool {
        let Some(head) = self.bytes(9).await else { return false };
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        // A client that is killed may leave half a frame.
        let Some(payload) = self.bytes(length).await else { return false };
        match (head[3], head[4]) {
            (SETTINGS, 0) => self.send((SETTINGS, ACK), 0, &[]).await,
            (PING, 0) => self.send((PING, ACK), 0, &payload).await,
            (HEADERS, _) => self.heard.push_back(Heard::Request(stream)),
            (DATA, flags) if flags & END_STREAM != 0 => self.heard.push_back(Heard::End(stream)),
            (RESET, _) => self.heard.push_back(Heard::Reset(stream)),
            _ => {}
        }
        true
    }

    async fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        let reading = timeout(HANG_TIMEOUT, self.stream.read_exact(&mut bytes));
        reading.await.expect("a frame").ok()?;
        Some(bytes)
    }

    async fn send(&mut self, (kind, flags): (u8, u8), stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap();
        let mut frame = length.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        let writing = timeout(HANG_TIMEOUT, self.stream.write_all(&frame)).await;
        // An error is a client that is gone.
        let _ = writing.expect("the frame is written");
    }
}
