//! The fields of a request's head that determine where the message ends.

use super::{
    Violation,
    line::{FieldKind, Version},
};

/// The number of fields in one message that hyper's parser has room for.
const FIELDS: usize = 100;

/// The framing of a message, as far as its head has been read.
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
    /// Adds one field.
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
