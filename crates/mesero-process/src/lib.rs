//! Child processes that never outlive mesero, and the frames they speak.

pub mod child;
pub mod frame;
pub mod group;
pub mod guardian;
pub mod launch;
pub mod leader;
pub mod output_log;
pub mod pidfd;
pub mod spawner;
pub mod tail;
