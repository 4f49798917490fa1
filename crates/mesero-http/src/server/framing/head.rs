//! What a request's head says about where the message ends.

use super::{
    Violation,
    line::{FieldKind, Version},
};

/// The HTTP parser behind us has room for this many fields in one message.
const FIELDS: usize = 100;

/// What a head, as far as it is read, says about its message.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) host: bool,
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    /// Fields of the head, and later of the trailers.
    pub(super) fields: usize,
    /// Bytes of the head, and later of the trailers.
    pub(super) bytes: usize,
    pub(super) extension_bytes: usize,
}

impl Head {
    /// Takes one more field into account.
    pub(super) fn take(&mut self, field: FieldKind) -> Result<(), Violation> {
        self.count_field()?;
        match field {
            FieldKind::Other => {}
            FieldKind::Host if self.host => return Err(Violation::RepeatedHost),
            FieldKind::Host => self.host = true,
            FieldKind::ContentLength(_) if self.chunked => {
                return Err(Violation::LengthAndEncoding);
            }
            FieldKind::ContentLength(length) => {
                if self.length.is_some_and(|earlier| earlier != length) {
                    return Err(Violation::DifferingLengths);
                }
                self.length = Some(length);
            }
            FieldKind::TransferEncoding if self.version == Version::Http10 => {
                return Err(Violation::EncodingInHttp10);
            }
            FieldKind::TransferEncoding if self.length.is_some() => {
                return Err(Violation::LengthAndEncoding);
            }
            FieldKind::TransferEncoding if self.chunked => return Err(Violation::Encoding),
            FieldKind::TransferEncoding => self.chunked = true,
        }
        Ok(())
    }

    pub(super) fn count_field(&mut self) -> Result<(), Violation> {
        self.fields += 1;
        if self.fields > FIELDS {
            return Err(Violation::TooManyFields);
        }
        Ok(())
    }
}
