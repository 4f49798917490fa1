//! Makes hashes: one thread's memory, used again for each.

use std::fmt;
use std::io;
use std::sync::Arc;

use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Params, Version};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::argon2::cost::Cost;
use crate::argon2::phc::{Phc, Variant};
use crate::secret::SecretBytes;

/// What all hashes of a run have in common.
#[derive(Debug)]
pub(crate) struct HashRecipe {
    pub(crate) cost: Cost,
    pub(crate) pepper: Option<Pepper>,
}

/// A secret that is mixed into every hash, and is not in the database.
#[derive(Debug)]
pub(crate) struct Pepper {
    /// What stored hashes call it.
    pub(crate) id: Vec<u8>,
    pub(crate) bytes: SecretBytes,
}

/// The length that RFC 9106, section 4, recommends.
pub(crate) const SALT: usize = 16;
/// Likewise.
pub(crate) const TAG: usize = 32;

/// One thread's memory for hashing.
///
/// It is mapped once and reused. What a password left in it is overwritten before a hash is
/// returned, and so it is when the hasher is dropped.
pub(crate) struct Hasher {
    recipe: Arc<HashRecipe>,
    arena: argon2_rust::Hasher,
}

impl Hasher {
    /// # Errors
    /// If there is not so much memory.
    pub(crate) fn new(recipe: Arc<HashRecipe>) -> Result<Self, HashError> {
        let cost = recipe.cost;
        let params = Params::builder()
            .memory(Memory::kib(u64::from(cost.memory)))
            .passes(cost.passes)
            .lanes(cost.lanes)
            // A hash keeps to its thread: all processors have one of their own to work at.
            .threads(1)
            .tag_len(TagLen::bytes(TAG as u64))
            .build()
            .map_err(HashError::Argon2)?;
        let mut arena = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher();
        arena.reserve().map_err(HashError::Argon2)?;
        Ok(Self { recipe, arena })
    }

    /// The string to be stored for a password, with a salt of its own from the system.
    ///
    /// The password's bytes are taken as they are.
    pub(crate) fn hash(&mut self, password: &[u8]) -> Result<SecretBytes, HashError> {
        let mut salt = [0; SALT];
        let filled = getrandom(&mut salt, GetRandomFlags::empty()).map_err(HashError::random)?;
        if filled != SALT {
            return Err(HashError::Random(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut tag = vec![0; TAG];
        self.arena
            .hash_into_with_ad(password, &salt, self.recipe.secret(), &[], &mut tag)
            .map_err(HashError::Argon2)?;
        Ok(self.recipe.phc(&salt, tag).text())
    }
}

impl HashRecipe {
    /// How long the strings are that it makes.
    pub(crate) fn length(&self) -> usize {
        self.phc(&[0; SALT], vec![0; TAG]).text().reveal().len()
    }

    /// What is mixed in; nothing without a pepper.
    pub(crate) fn secret(&self) -> &[u8] {
        self.pepper.as_ref().map_or(&[], |pepper| pepper.bytes.reveal())
    }

    fn phc(&self, salt: &[u8], tag: Vec<u8>) -> Phc {
        Phc {
            variant: Variant::Id,
            version: 0x13,
            cost: self.cost,
            key_id: self.pepper.as_ref().map(|pepper| pepper.id.clone()),
            data: None,
            salt: salt.to_vec(),
            tag: SecretBytes::new(tag),
        }
    }
}

/// Why there is no hash.
#[derive(Debug)]
pub(crate) enum HashError {
    Argon2(argon2_rust::Error),
    Random(io::Error),
    Thread(io::Error),
}

impl HashError {
    fn random(errno: rustix::io::Errno) -> Self {
        HashError::Random(errno.into())
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashError::Argon2(error) => write!(f, "hash: {error}"),
            HashError::Thread(error) => write!(f, "start a thread that hashes: {error}"),
            HashError::Random(error) => write!(f, "get random bytes for a salt: {error}"),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("blocks", &self.arena.reserved_blocks()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_97_characters_long_at_the_default_cost() {
        let recipe = HashRecipe { cost: Cost::default(), pepper: None };
        assert_eq!(recipe.length(), 97);
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        let recipe = Arc::new(HashRecipe { cost: Cost::new(8, 1, 1).unwrap(), pepper: None });
        let mut hasher = Hasher::new(Arc::clone(&recipe)).unwrap();
        let [one, other] = [(); 2].map(|()| hasher.hash(b"secret").unwrap());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), recipe.length());
        assert!(Phc::parse(one.reveal()).is_some());
    }
}
