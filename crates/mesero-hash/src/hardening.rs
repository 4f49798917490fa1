//! Protection of the process: no core dumps, and no access to its memory for processes of the same user.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Disables core dumps; from then on only the superuser can attach to the process.
///
/// # Errors
/// If the system rejects it: no secret may be read then.
pub(crate) fn harden_process() -> io::Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
