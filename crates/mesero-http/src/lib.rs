//! HTTP as every part of mesero speaks it: bodies, errors, connections of clients, and TLS to servers.

#![forbid(unsafe_code)]

pub mod body;
pub mod payload;
pub mod problem;
pub mod server;
pub mod socket;
pub mod tls;
