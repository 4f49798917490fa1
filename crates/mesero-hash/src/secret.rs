//! Bytes that nobody may read: a password, a hash, a pepper.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that show themselves as `[redacted]`, and that are overwritten when they are dropped.
///
/// They may be anything: empty, with zeros inside, not UTF-8. What a database driver or the
/// operating system copied on the way is not theirs to overwrite.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SecretBytes(Box<[u8]>);

impl SecretBytes {
    /// Takes the bytes over; a vector with room to spare is copied and overwritten first.
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(bytes.into_boxed_slice());
        }
        let secret = Self(bytes.as_slice().into());
        bytes.zeroize();
        secret
    }

    pub(crate) fn copied(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves, for the few places that need them.
    pub(crate) fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for SecretBytes {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", SecretBytes::new(b"hunter2".to_vec())), "[redacted]");
    }

    #[test]
    fn a_secret_keeps_every_byte() {
        let mut roomy = Vec::with_capacity(100);
        roomy.extend_from_slice(b"a\0b\xff ");
        assert_eq!(SecretBytes::new(roomy), SecretBytes::copied(b"a\0b\xff "));
    }
}
