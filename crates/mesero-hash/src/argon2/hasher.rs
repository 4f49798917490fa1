//! The implementation that computes hashes, with memory that is reused.

use std::fmt;
use std::io;
use std::sync::Arc;

use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Params, Version};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::argon2::cost::Cost;
use crate::argon2::phc::{Phc, Variant};
use crate::secret::SecretBytes;

/// Parameters of all hashes of a run.
#[derive(Debug)]
pub(crate) struct HashRecipe {
    pub(crate) cost: Cost,
    pub(crate) pepper: Option<Pepper>,
}

/// A secret that is a part of every hash, and is not in the database.
#[derive(Debug)]
pub(crate) struct Pepper {
    /// Its name in stored hashes.
    pub(crate) id: Vec<u8>,
    pub(crate) bytes: SecretBytes,
}

/// Bytes of a salt, as RFC 9106, section 4, recommends.
pub(crate) const SALT: usize = 16;
/// Bytes of a tag, as RFC 9106, section 4, recommends.
pub(crate) const TAG: usize = 32;

/// Memory of one thread for hashing.
///
/// It is mapped once and reused. Traces of a password are overwritten before its hash is returned, and
/// when the hasher is dropped.
pub(crate) struct Hasher {
    recipe: Arc<HashRecipe>,
    arena: argon2_rust::Hasher,
}

impl Hasher {
    /// Maps the memory.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub(crate) fn new(recipe: Arc<HashRecipe>) -> Result<Self, HashError> {
        let cost = recipe.cost;
        let params = Params::builder()
            .memory(Memory::kib(u64::from(cost.memory)))
            .passes(cost.passes)
            .lanes(cost.lanes)
            // One thread for a hash: every processor computes another one.
            .threads(1)
            .tag_len(TagLen::bytes(TAG as u64))
            .build()
            .map_err(HashError::Argon2)?;
        let mut arena = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher();
        arena.reserve().map_err(HashError::Argon2)?;
        Ok(Self { recipe, arena })
    }

    /// Computes the string to store for a password, with a random salt. The password's bytes are hashed
    /// unchanged.
    ///
    /// # Errors
    /// If there are no random bytes, or the hash cannot be computed.
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
        Ok(self.recipe.phc(&salt, tag).to_text())
    }
}

impl HashRecipe {
    /// Length of the strings of this recipe.
    pub(crate) fn length(&self) -> usize {
        self.phc(&[0; SALT], vec![0; TAG]).to_text().reveal().len()
    }

    /// The secret of the hash function: the pepper, or nothing.
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

/// The reason why there is no hash.
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
    fn a_string_has_97_characters_at_the_default_cost() {
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
