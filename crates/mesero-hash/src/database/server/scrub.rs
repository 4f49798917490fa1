//! Residues that are the same on every server.

use crate::database::error::DatabaseError;
use crate::database::residue::Residue;

/// The residue of a statement that removes old values: removed, or the text that `failed` makes of
/// the error.
pub(crate) fn residue_of(
    result: Result<(), DatabaseError>,
    removed: &str,
    failed: impl FnOnce(DatabaseError) -> String,
) -> Residue {
    match result {
        Ok(()) => Residue::removed(removed),
        Err(error) => Residue::remaining(failed(error)),
    }
}

/// Residues that no server can remove; `tools` make backups, and `logs` says where to look.
pub(crate) fn residues_elsewhere(tools: &str, logs: &str) -> [Residue; 3] {
    [
        Residue::remaining(format!(
            "backups and dumps ({tools}, snapshots of the disk) contain the plaintext: delete or \
             encrypt those from before this run"
        )),
        Residue::remaining(format!(
            "the logs of the server and of the application may contain passwords from before: look for \
             statements with values in {logs}"
        )),
        Residue::remaining(
            "deleted files stay readable on the disk itself until it is overwritten or trimmed",
        ),
    ]
}
