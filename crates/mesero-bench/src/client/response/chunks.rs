//! The chunks of a body (RFC 9112, 7.1): skipped, and counted.

use crate::client::response::error::Garbage;

/// Where in a chunked body the bytes are.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    place: Place,
    data_bytes: u64,
}

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// At the first digit of a size.
    #[default]
    Start,
    Size(u64),
    /// In what may follow a size.
    Extension(u64),
    Data(u64),
    /// At the end of a chunk's line.
    DataEnd,
    /// In the fields after the last chunk, this many bytes into a line.
    Trailer(u64),
}

impl Chunks {
    /// Takes in bytes; returns how many belong to the body if it ends among them.
    ///
    /// # Errors
    /// If these are no chunks.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Garbage> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            self.place = match (self.place, byte) {
                (Place::Start, _) => Place::Size(digit(*byte)?),
                (Place::Size(size) | Place::Extension(size), b'\n') => after_size(size),
                (Place::Size(size), b';' | b' ' | b'\t' | b'\r') => Place::Extension(size),
                (Place::Size(size), _) => {
                    let larger =
                        size.checked_mul(16).and_then(|size| size.checked_add(digit(*byte).ok()?));
                    Place::Size(larger.ok_or(NO_SIZE)?)
                }
                (Place::Extension(size), _) => Place::Extension(size),
                (Place::Data(left), _) => {
                    // This byte, and as many of the others as there are.
                    let here = u64::try_from(bytes.len() - at + 1).unwrap_or(u64::MAX).min(left);
                    at += usize::try_from(here - 1).unwrap_or_default();
                    self.data_bytes += here;
                    if here == left { Place::DataEnd } else { Place::Data(left - here) }
                }
                (Place::DataEnd, b'\r') => Place::DataEnd,
                (Place::DataEnd, b'\n') => Place::Start,
                (Place::DataEnd, _) => return Err(Garbage("a chunk that is longer than its size")),
                (Place::Trailer(0), b'\n') => return Ok(Some(at)),
                (Place::Trailer(_), b'\n') => Place::Trailer(0),
                (Place::Trailer(length), b'\r') => Place::Trailer(length),
                (Place::Trailer(length), _) => Place::Trailer(length + 1),
            };
        }
        Ok(None)
    }

    /// How long the body was so far, without its framing.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }
}

const NO_SIZE: Garbage = Garbage("a chunk without a size");

fn after_size(size: u64) -> Place {
    if size == 0 { Place::Trailer(0) } else { Place::Data(size) }
}

fn digit(byte: u8) -> Result<u64, Garbage> {
    char::from(byte).to_digit(16).map(u64::from).ok_or(NO_SIZE)
}
