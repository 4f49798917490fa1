//! The server side: from listeners to requests that two readers cannot understand in two ways.

pub mod connection;
mod exchange;
mod framing;
mod io;
mod linger;
pub mod listen;
mod patience;
pub mod receive;
