//! The second implementation, which verifies hashes.

use std::fmt;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, AssociatedData, Block, ParamsBuilder, Version};
use zeroize::Zeroize;

use crate::argon2::cost::Cost;
use crate::argon2::hasher::{HashError, HashRecipe, Hasher, TAG};
use crate::argon2::phc::{Phc, Variant};
use crate::secret::SecretBytes;

/// Memory of one thread for verifying the hashes of a recipe; overwritten when it is dropped.
pub(crate) struct Verifier {
    recipe: Arc<HashRecipe>,
    blocks: Vec<Block>,
}

impl Verifier {
    pub(crate) fn new(recipe: Arc<HashRecipe>) -> Self {
        Self { recipe, blocks: Vec::new() }
    }

    /// Returns whether `phc` is a hash of `password`.
    ///
    /// # Errors
    /// If the hash costs more than the recipe, or cannot be computed.
    pub(crate) fn verify(&mut self, phc: &Phc, password: &[u8]) -> Result<bool, VerifyError> {
        let limit = self.recipe.cost;
        if phc.cost.memory > limit.memory || phc.cost.passes > limit.passes {
            return Err(VerifyError::Expensive(phc.cost));
        }
        let computed = self.tag(phc, password).map_err(VerifyError::Argon2)?;
        let pairs = computed.reveal().iter().zip(phc.tag.reveal());
        let difference = pairs.fold(0, |sum, (left, right)| sum | (left ^ right));
        Ok(std::hint::black_box(difference) == 0)
    }

    fn tag(&mut self, phc: &Phc, password: &[u8]) -> Result<SecretBytes, argon2::Error> {
        let mut tag = vec![0; phc.tag.reveal().len()];
        let mut params = ParamsBuilder::new();
        params.m_cost(phc.cost.memory).t_cost(phc.cost.passes).p_cost(phc.cost.lanes);
        if let Some(data) = &phc.data {
            params.data(AssociatedData::new(data)?);
        }
        let params = params.output_len(tag.len()).build()?;
        let algorithm = match phc.variant {
            Variant::D => Algorithm::Argon2d,
            Variant::I => Algorithm::Argon2i,
            Variant::Id => Algorithm::Argon2id,
        };
        let version = if phc.version == 0x10 { Version::V0x10 } else { Version::V0x13 };
        let needed = params.block_count();
        if self.blocks.len() < needed {
            self.blocks.resize(needed, Block::new());
        }
        let argon2 = Argon2::new_with_secret(self.recipe.secret(), algorithm, version, params)?;
        let blocks = &mut self.blocks[..needed];
        argon2.hash_password_into_with_memory(password, &phc.salt, &mut tag, blocks)?;
        Ok(SecretBytes::new(tag))
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.blocks.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("blocks", &self.blocks.len()).finish()
    }
}

/// Checks, before the first write, that the two implementations agree on this machine.
///
/// The check uses at most 1 MiB of the recipe's memory, which executes every branch in a short time.
///
/// # Errors
/// If they disagree.
pub(crate) fn cross_check(recipe: &HashRecipe) -> Result<(), VerifyError> {
    let Cost { memory, passes, lanes } = recipe.cost;
    let cost = Cost { memory: memory.min(1024.max(8 * lanes)), passes: passes.min(3), lanes };
    let recipe = Arc::new(HashRecipe { cost, pepper: None });
    let mut hasher = Hasher::new(Arc::clone(&recipe)).map_err(VerifyError::Hash)?;
    let mut verifier = Verifier::new(recipe);
    for length in [0, 1, 55, 127, 128, 129, 1000] {
        let password = vec![0xA5; length];
        let text = hasher.hash(&password).map_err(VerifyError::Hash)?;
        let phc = Phc::parse(text.reveal()).ok_or(VerifyError::Differ)?;
        if phc.tag.reveal().len() != TAG || !verifier.verify(&phc, &password)? {
            return Err(VerifyError::Differ);
        }
    }
    Ok(())
}

/// The reason why a hash was not verified.
#[derive(Debug)]
pub(crate) enum VerifyError {
    Hash(HashError),
    Argon2(argon2::Error),
    Expensive(Cost),
    Differ,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyError::Hash(error) => error.fmt(f),
            VerifyError::Argon2(error) => write!(f, "verify a hash: {error}"),
            VerifyError::Expensive(cost) => {
                write!(f, "verify a hash: it costs {cost}, which is more than the hashes of this run")
            }
            VerifyError::Differ => f.write_str(
                "hash: two implementations of Argon2 disagree on this machine, so neither can be trusted",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use argon2_rust::Params;

    use super::*;
    use crate::argon2::hasher::Pepper;

    /// RFC 9106, sections 5.1 to 5.3: the tags for a password of 32 bytes 0x01, a salt of 16 bytes
    /// 0x02, a secret of 8 bytes 0x03 and data of 12 bytes 0x04.
    const VECTORS: [(Variant, argon2_rust::Algorithm, &str); 3] = [
        (
            Variant::D,
            argon2_rust::Algorithm::Argon2d,
            "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb",
        ),
        (
            Variant::I,
            argon2_rust::Algorithm::Argon2i,
            "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
        ),
        (
            Variant::Id,
            argon2_rust::Algorithm::Argon2id,
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
        ),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn both_implementations_compute_the_tags_of_rfc_9106() {
        let params = Params::builder()
            .memory(argon2_rust::params::Memory::kib(32))
            .passes(3)
            .lanes(4)
            .build()
            .unwrap();
        for (variant, algorithm, tag) in VECTORS {
            let argon2 = argon2_rust::Argon2::new(algorithm, argon2_rust::Version::V0x13, params);
            let mut made = [0; TAG];
            argon2
                .hasher()
                .hash_into_with_ad(&[1; 32], &[2; 16], &[3; 8], &[4; 12], &mut made)
                .unwrap();
            assert_eq!(made.as_slice(), bytes(tag));
            let phc = Phc {
                variant,
                version: 0x13,
                cost: Cost::new(32, 3, 4).unwrap(),
                key_id: None,
                data: Some(vec![4; 12]),
                salt: vec![2; 16],
                tag: SecretBytes::new(bytes(tag)),
            };
            for (secret, password, is_right) in
                [([3; 8], [1; 32], true), ([3; 8], [2; 32], false), ([4; 8], [1; 32], false)]
            {
                let pepper = Pepper { id: Vec::new(), bytes: SecretBytes::copied(&secret) };
                let recipe = HashRecipe { cost: phc.cost, pepper: Some(pepper) };
                let verified = Verifier::new(Arc::new(recipe)).verify(&phc, &password);
                assert_eq!(verified.unwrap(), is_right);
            }
        }
    }

    #[test]
    fn the_implementations_agree_at_every_preset() {
        for cost in ["m=8,t=1,p=1", "m=19456,t=2,p=1", "m=65536,t=3,p=4", "m=32,t=3,p=4"] {
            let recipe = HashRecipe { cost: cost.parse().unwrap(), pepper: None };
            cross_check(&recipe).unwrap();
        }
    }

    #[test]
    fn a_pepper_is_named_in_the_string_and_needed_to_verify() {
        let pepper = Pepper { id: b"2026".to_vec(), bytes: SecretBytes::copied(b"black") };
        let cost = Cost::new(64, 1, 1).unwrap();
        let recipe = Arc::new(HashRecipe { cost, pepper: Some(pepper) });
        let text = Hasher::new(Arc::clone(&recipe)).unwrap().hash(b"secret").unwrap();
        let phc = Phc::parse(text.reveal()).unwrap();
        assert_eq!(phc.key_id.as_deref(), Some(&b"2026"[..]));
        assert!(Verifier::new(recipe).verify(&phc, b"secret").unwrap());
        let without = Arc::new(HashRecipe { cost, pepper: None });
        assert!(!Verifier::new(without).verify(&phc, b"secret").unwrap());
    }

    #[test]
    fn a_string_that_needs_too_much_memory_is_rejected() {
        let text = b"$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAA$AAAAAA";
        let phc = Phc::parse(text).unwrap();
        let recipe = Arc::new(HashRecipe { cost: Cost::default(), pepper: None });
        let verified = Verifier::new(recipe).verify(&phc, b"");
        assert!(matches!(verified, Err(VerifyError::Expensive(_))));
    }
}
