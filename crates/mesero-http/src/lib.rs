//! HTTP for all parts of mesero: bodies, errors, connections from clients, and TLS to servers.

#![forbid(unsafe_code)]

pub mod body;
pub mod payload;
pub mod problem;
pub mod server;
pub mod socket;
pub mod tls;
