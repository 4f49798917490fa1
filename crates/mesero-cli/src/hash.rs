//! `mesero hash`: a table's plaintext passwords become hashes, in place and while it is used.

#![expect(dead_code, reason = "the command that uses it comes with the first database")]

mod args;
mod classify;
mod cost;
mod database;
mod hasher;
mod key;
mod phc;
mod secret;
mod verifier;
