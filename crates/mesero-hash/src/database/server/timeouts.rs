//! Time limits of a database server.

use std::time::Duration;

/// How long a server may take to let somebody in.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// How long one statement may run in the server: a page of large values from a cold disk takes
/// seconds.
pub(crate) const STATEMENT: Duration = Duration::from_secs(60);

/// How long a statement waits for a lock that somebody else has, while it has locks itself: an
/// application's request that waits for those can bear this.
pub(crate) const LOCK: Duration = Duration::from_secs(1);

/// When a server that says nothing is given up; it gives up the statement itself before that.
pub(crate) const SILENCE: Duration = Duration::from_secs(75);
