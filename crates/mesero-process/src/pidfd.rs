//! Handles that become readable when their process exits.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a process handle (a pidfd): it becomes readable once the process has exited, and leaves
/// the process unreaped.
///
/// # Errors
/// If the handle cannot be watched.
pub fn watched(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "an `OwnedFd` is the same open file until it is dropped")]
    // SAFETY: see the reason above.
    let watched = unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) };
    Ok(watched?)
}
