//! Child processes that never outlive mesero, and the frames they speak.

pub(crate) mod child;
pub(crate) mod frame;
pub(crate) mod group;
pub(crate) mod guardian;
pub(crate) mod launch;
pub(crate) mod noise;
pub(crate) mod spawner;
pub(crate) mod tail;
