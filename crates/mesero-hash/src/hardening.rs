//! What keeps passwords out of files that nobody asked for: no core dumps, no reading of this process by its equals.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// From now on a crash leaves no core, and only the superuser can look into the process.
///
/// # Errors
/// If the system refuses: nothing secret should be read then.
pub(crate) fn harden_process() -> io::Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
