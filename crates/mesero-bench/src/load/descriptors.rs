//! Raises the limit of open files, for loads of many connections.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::error::BenchError;

/// Raises the soft limit of descriptors, which is usually a thousand: each connection needs one.
pub(crate) fn raise_file_limit(connections: usize) -> Result<(), BenchError> {
    // Descriptors for other uses.
    const OTHERS: u64 = 64;
    let required = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= required) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < required) {
        return Err(BenchError::Descriptors {
            required,
            allowed: limit.maximum.unwrap_or_default(),
        });
    }
    limit.current = Some(required);
    setrlimit(Resource::Nofile, limit).map_err(|error| BenchError::Io(error.into()))
}
