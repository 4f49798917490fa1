//! Argon2id: the cost of a hash, two implementations of it, and the speed of this machine.

pub(crate) mod calibrate;
pub(crate) mod capacity;
pub(crate) mod cost;
pub(crate) mod hasher;
pub(crate) mod phc;
pub(crate) mod verifier;
