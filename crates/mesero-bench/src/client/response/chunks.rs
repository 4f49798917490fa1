//! Chunked bodies (RFC 9112, 7.1), skipped and counted.

use crate::client::response::error::MalformedResponse;

/// Position in a chunked body.
#[derive(Debug, Default)]
pub(crate) struct ChunkedBody {
    place: ChunkPosition,
    data_bytes: u64,
}

#[derive(Debug, Default, Clone, Copy)]
enum ChunkPosition {
    /// Before the first digit of a size.
    #[default]
    Start,
    Size(u64),
    /// In a chunk extension.
    Extension(u64),
    Data(u64),
    /// Before the line break after a chunk's data.
    DataEnd,
    /// In the trailer fields, this many bytes into a line.
    Trailer(u64),
}

impl ChunkedBody {
    /// Reads bytes; returns the number of those that belong to the body, once it ends.
    ///
    /// # Errors
    /// If the chunks are malformed.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, MalformedResponse> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            self.place = match (self.place, byte) {
                (ChunkPosition::Start, _) => ChunkPosition::Size(digit(*byte)?),
                (ChunkPosition::Size(size) | ChunkPosition::Extension(size), b'\n') => {
                    after_size(size)
                }
                (ChunkPosition::Size(size), b';' | b' ' | b'\t' | b'\r') => {
                    ChunkPosition::Extension(size)
                }
                (ChunkPosition::Size(size), _) => {
                    let larger =
                        size.checked_mul(16).and_then(|size| size.checked_add(digit(*byte).ok()?));
                    ChunkPosition::Size(larger.ok_or(NO_SIZE)?)
                }
                (ChunkPosition::Extension(size), _) => ChunkPosition::Extension(size),
                (ChunkPosition::Data(left), _) => {
                    // This byte, and those that follow it in the chunk.
                    let here = u64::try_from(bytes.len() - at + 1).unwrap_or(u64::MAX).min(left);
                    at += usize::try_from(here - 1).unwrap_or_default();
                    self.data_bytes += here;
                    if here == left {
                        ChunkPosition::DataEnd
                    } else {
                        ChunkPosition::Data(left - here)
                    }
                }
                (ChunkPosition::DataEnd, b'\r') => ChunkPosition::DataEnd,
                (ChunkPosition::DataEnd, b'\n') => ChunkPosition::Start,
                (ChunkPosition::DataEnd, _) => {
                    return Err(MalformedResponse("a chunk that is longer than its size"));
                }
                (ChunkPosition::Trailer(0), b'\n') => return Ok(Some(at)),
                (ChunkPosition::Trailer(_), b'\n') => ChunkPosition::Trailer(0),
                (ChunkPosition::Trailer(length), b'\r') => ChunkPosition::Trailer(length),
                (ChunkPosition::Trailer(length), _) => ChunkPosition::Trailer(length + 1),
            };
        }
        Ok(None)
    }

    /// Length of the body so far, without its framing.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }
}

const NO_SIZE: MalformedResponse = MalformedResponse("a chunk without a size");

fn after_size(size: u64) -> ChunkPosition {
    if size == 0 { ChunkPosition::Trailer(0) } else { ChunkPosition::Data(size) }
}

fn digit(byte: u8) -> Result<u64, MalformedResponse> {
    char::from(byte).to_digit(16).map(u64::from).ok_or(NO_SIZE)
}
