//! A hasher for numbers that are assigned one after the other and cannot be chosen to collide, so the
//! standard library's careful hash is not needed.

use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type BuildIdHasher = BuildHasherDefault<IdHasher>;

#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, 6.4): 2⁶⁴ divided by
        // the golden ratio.
        self.0 = (self.0.rotate_left(32) ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, id: usize) {
        self.write_u64(id as u64);
    }

    fn write_u8(&mut self, id: u8) {
        self.write_u64(id.into());
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }
}
