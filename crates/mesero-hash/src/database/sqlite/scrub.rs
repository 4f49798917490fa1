//! Old values that stay in the file and beside it: what can be removed, and what cannot.

use crate::database::contract::Residue;
use crate::database::error::DatabaseError;
use crate::database::sqlite::connection::SqliteConnection;
use crate::database::sqlite::error;

impl SqliteConnection {
    pub(super) fn scrub(&self, rewrite: bool) -> Result<Vec<Residue>, DatabaseError> {
        let doing = || error::of("wipe");
        let mut residues = Vec::new();
        let mut residue =
            |cleaned, text: &str| residues.push(Residue { cleaned, text: text.to_owned() });
        residue(
            true,
            "old values were overwritten where they stood in the table and its indexes (secure_delete)",
        );
        if rewrite {
            match self.connection.execute_batch("VACUUM") {
                Ok(()) => {
                    residue(true, "the file was rewritten without free pages and gaps (VACUUM)")
                }
                Err(why) => {
                    let why = error::of("rewrite the file")(why);
                    residue(
                        false,
                        &format!("failed to {why}; run `VACUUM` when that is put right"),
                    );
                }
            }
        } else {
            residue(
                false,
                "free pages and gaps in pages may have values that were changed or deleted before today: run again \
                 with `--vacuum`, or run `VACUUM`",
            );
        }
        let mode: String = self
            .connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(doing())?;
        if mode == "wal" {
            let busy: bool = self
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                .map_err(doing())?;
            match busy {
                false => residue(
                    true,
                    "the write-ahead log was brought into the file and cut to nothing",
                ),
                true => residue(
                    false,
                    "the write-ahead log (-wal) still has old pages, since another program reads: run \
                     `PRAGMA wal_checkpoint(TRUNCATE)` when it does not",
                ),
            }
        }
        residue(
            false,
            "the blocks of the disk that a journal or a log had are free, and not overwritten; nor are what file \
             systems with copies on write, and SSDs, keep of earlier versions",
        );
        residue(
            false,
            "backups, copies, snapshots, replicas (Litestream and the like), exports and logs of the application: \
             remove them, or have the passwords changed",
        );
        residue(
            false,
            "whoever may have read the file before knows the passwords: if in doubt, have them all changed",
        );
        Ok(residues)
    }
}
