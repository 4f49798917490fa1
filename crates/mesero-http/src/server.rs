//! The server side: from listeners to requests that every HTTP parser reads in the same way.

pub mod connection;
mod connection_state;
mod framing;
mod io;
pub mod limits;
mod linger;
pub mod listen;
pub mod read_body;
mod timers;
