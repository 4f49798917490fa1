//! The server side: from listeners to requests that two readers cannot understand in two ways.

pub mod connection;
mod connection_state;
mod framing;
mod io;
pub mod limits;
mod linger;
pub mod listen;
pub mod read_body;
mod timers;
