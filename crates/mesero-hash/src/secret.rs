//! Secret bytes: a password, a hash, a pepper.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that are printed as `[redacted]`, and overwritten when they are dropped.
///
/// Any bytes: empty, with zeros, not UTF-8. Copies of a database driver or of the operating system
/// are not overwritten.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SecretBytes(Box<[u8]>);

impl SecretBytes {
    /// Takes the bytes; a vector with spare capacity is copied and overwritten.
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

    /// The bytes.
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
