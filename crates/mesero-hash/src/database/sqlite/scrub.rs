//! Old values in an SQLite file and beside it: what can be removed, and what the operator has to do.

use crate::database::contract::ScrubMode;
use crate::database::error::DatabaseError;
use crate::database::residue::Residue;
use crate::database::sqlite::connection::SqliteConnection;
use crate::database::sqlite::error;

impl SqliteConnection {
    /// Truncates the write-ahead log, and rewrites the file if `mode` says so.
    pub(super) fn scrub(&self, mode: ScrubMode) -> Result<Vec<Residue>, DatabaseError> {
        let mut residues = vec![
            Residue::removed(
                "old values in the table and its indexes were overwritten (secure_delete)",
            ),
            self.free_pages(mode),
        ];
        residues.extend(self.write_ahead_log()?);
        residues.extend(
            [
                "the disk blocks of a deleted journal or log are free, and not overwritten; file systems \
                 with copy on write, and SSDs, keep earlier versions",
                "backups, copies, snapshots, replicas (Litestream and the like), exports and logs of the \
                 application contain the plaintext: delete them, or have the passwords changed",
                "all users with access to the file before this run may know the passwords: if in doubt, have \
                 all of them changed",
            ]
            .map(Residue::remaining),
        );
        Ok(residues)
    }

    fn free_pages(&self, mode: ScrubMode) -> Residue {
        match mode {
            ScrubMode::Rewrite => match self.connection.execute_batch("VACUUM") {
                Ok(()) => {
                    Residue::removed("the file was rewritten without free pages and gaps (VACUUM)")
                }
                Err(error) => {
                    let error = error::of("rewrite the file")(error);
                    Residue::remaining(format!(
                        "free pages contain old values: failed to {error}; run `VACUUM` when the cause is \
                         removed"
                    ))
                }
            },
            ScrubMode::InPlace => Residue::remaining(
                "free pages and gaps in pages may contain values that were changed or deleted before \
                 this run: run again with `--vacuum`, or run `VACUUM`",
            ),
        }
    }

    fn write_ahead_log(&self) -> Result<Option<Residue>, DatabaseError> {
        let reading = || error::of("remove old values");
        let mode: String = self
            .connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(reading())?;
        if mode != "wal" {
            return Ok(None);
        }
        let is_busy: bool = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(reading())?;
        Ok(Some(if is_busy {
            Residue::remaining(
                "the write-ahead log (-wal) still contains old pages, since another program is reading: \
                 run `PRAGMA wal_checkpoint(TRUNCATE)` later",
            )
        } else {
            Residue::removed("the write-ahead log was copied into the file and truncated")
        }))
    }
}
