//! Whole configurations: what is accepted, what it means, and how each mistake is answered.

mod files;
mod flags;
mod kinds;
mod meaning;
mod mutation;
mod reference;
