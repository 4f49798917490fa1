//! Time limits of a database server.

use std::time::Duration;

/// Maximum for opening a connection, and for closing it.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// Maximum run time of one statement in the server: a page of large values from a cold disk takes
/// seconds.
pub(crate) const STATEMENT: Duration = Duration::from_secs(60);

/// Maximum wait of a statement for a lock while it holds locks itself: a request of the application
/// that needs those is delayed by no more than this.
pub(crate) const LOCK: Duration = Duration::from_secs(1);

/// Maximum wait for a reply, after which the connection is closed; longer than [`STATEMENT`], so that
/// the server cancels a slow statement first.
pub(crate) const REPLY: Duration = Duration::from_secs(75);
