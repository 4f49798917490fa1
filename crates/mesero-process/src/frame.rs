//! The frames of the worker protocol; `worker/PROTOCOL.md` describes them.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The bytes before a frame's payload: its length, its kind, its id.
const HEADER_BYTES: usize = 4 + 1 + 8;

/// The longest payload that is copied. A longer one shares the receive buffer, of which it is most.
const MAX_COPIED_BYTES: usize = 4096;

/// One frame, of either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub id: u64,
    pub payload: Bytes,
}

/// Kinds of frames that mesero sends.
pub mod to_worker {
    pub const CONFIG: u8 = 1;
    pub const CALL_TEXT: u8 = 2;
    pub const CALL_JSON: u8 = 3;
    pub const CANCEL: u8 = 4;
    pub const REQUEST: u8 = 5;
    pub const BODY: u8 = 6;
    pub const BODY_END: u8 = 7;
    pub const BODY_BROKEN: u8 = 8;
    pub const INTERRUPT: u8 = 9;
    pub const STACK: u8 = 10;
}

/// Kinds of frames that a worker sends.
pub mod from_worker {
    pub const HELLO: u8 = 16;
    pub const FAILED: u8 = 17;
    pub const VALUE: u8 = 18;
    pub const RAISED: u8 = 19;
    pub const CANCELED: u8 = 20;
    pub const HEAD: u8 = 21;
    pub const PIECE: u8 = 22;
    pub const END: u8 = 23;
    pub const LOOP_BLOCKED: u8 = 24;
    pub const STACK_IS: u8 = 25;
}

impl Frame {
    /// Returns the frame's bytes for the socket.
    ///
    /// # Errors
    /// If the payload is longer than the length field allows.
    pub fn encode(&self) -> Result<Bytes, TooLong> {
        let bytes = self.payload.len();
        let length = u32::try_from(bytes).map_err(|_| TooLong { bytes })?;
        let mut out = BytesMut::with_capacity(HEADER_BYTES + bytes);
        out.put_u32_le(length);
        out.put_u8(self.kind);
        out.put_u64_le(self.id);
        out.put_slice(&self.payload);
        Ok(out.freeze())
    }

    /// Returns true if the worker sends more frames for the same call after this one.
    pub fn is_continued(&self) -> bool {
        matches!(self.kind, from_worker::HEAD | from_worker::PIECE)
    }

    /// Takes the first frame out of the received bytes once it is complete.
    pub fn decode(received: &mut BytesMut) -> Option<Frame> {
        let mut header = received.get(..HEADER_BYTES)?;
        let length = usize::try_from(header.get_u32_le()).ok()?;
        let (kind, id) = (header.get_u8(), header.get_u64_le());
        if received.len() < HEADER_BYTES + length {
            received.reserve(HEADER_BYTES + length - received.len());
            return None;
        }
        received.advance(HEADER_BYTES);
        let payload = match length {
            // A shared payload would keep the whole buffer alive, in a cache for as long as the
            // entry lives.
            0..=MAX_COPIED_BYTES => {
                let copy = Bytes::copy_from_slice(&received[..length]);
                received.advance(length);
                copy
            }
            _ => received.split_to(length).freeze(),
        };
        Some(Frame { kind, id, payload })
    }
}

/// A payload that is too long for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_payload_does_not_keep_its_receive_buffer_alive() {
        let frame = |length| Frame { kind: 1, id: 2, payload: vec![7; length].into() };
        for (length, is_copied) in
            [(5, true), (MAX_COPIED_BYTES, true), (MAX_COPIED_BYTES + 1, false)]
        {
            let mut received = BytesMut::with_capacity(4 * MAX_COPIED_BYTES);
            received.extend_from_slice(&frame(length).encode().unwrap());
            let decoded = Frame::decode(&mut received).unwrap();
            assert_eq!(decoded, frame(length));
            assert_eq!(decoded.payload.is_unique(), is_copied, "{length}");
        }
    }

    proptest! {
        #[test]
        fn decoded_frames_equal_the_encoded_ones_for_every_cut_of_the_stream(
            frames in prop::collection::vec((any::<u8>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..300)), 1..8),
            piece in 1..50usize,
        ) {
            let frames: Vec<Frame> = frames
                .into_iter()
                .map(|(kind, id, payload)| Frame { kind, id, payload: payload.into() })
                .collect();
            let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.encode().unwrap()).collect();
            let mut received = BytesMut::new();
            let mut decoded = Vec::new();
            for piece in stream.chunks(piece) {
                received.extend_from_slice(piece);
                decoded.extend(std::iter::from_fn(|| Frame::decode(&mut received)));
            }
            prop_assert_eq!(decoded, frames);
            prop_assert!(received.is_empty());
        }
    }
}
