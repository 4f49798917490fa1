//! What a run came to: for a person, and as JSON.

use std::fmt::Write;
use std::time::Duration;

use mesero::Stats;
use mesero_terminal::counted::counted;
use serde::Serialize;

use crate::argon2::hasher::HashRecipe;
use crate::database::residue::Residue;
use crate::database::table::PasswordTable;
use crate::rows::counts::{ClassCounts, RowCounts};

/// Everything that is said at the end.
#[derive(Debug)]
pub(crate) struct HashSummary<'a> {
    pub(crate) table: &'a PasswordTable,
    pub(crate) recipe: &'a HashRecipe,
    pub(crate) counts: RowCounts,
    /// What the last whole look at the table found; none if none was whole.
    pub(crate) now: Option<ClassCounts>,
    pub(crate) passes: u64,
    pub(crate) threads: usize,
    pub(crate) took: Duration,
    pub(crate) stats: Stats,
    pub(crate) residues: Vec<Residue>,
}

/// The summary, as a script reads it.
#[derive(Serialize)]
struct SummaryRecord<'a> {
    table: &'a str,
    argon2: String,
    key_id: Option<String>,
    threads: usize,
    passes: u64,
    took_ms: u64,
    hashes_per_s: f64,
    #[serde(flatten)]
    counts: RowCounts,
    now: Option<TableState>,
    remains: Vec<&'a str>,
}

/// The table at the end.
#[derive(Serialize)]
struct TableState {
    rows: u64,
    plaintext: u64,
    hashes: u64,
    null: u64,
    empty: u64,
    ambiguous: u64,
}

impl HashSummary<'_> {
    fn hashes_per_second(&self) -> f64 {
        self.counts.hashed as f64 / self.took.as_secs_f64().max(1e-9)
    }

    pub(crate) fn text(&self) -> String {
        let RowCounts {
            seen,
            hashed,
            already,
            changed,
            empty,
            ambiguous,
            failed,
            unfinished,
            verified,
        } = self.counts;
        let mut text = format!("Hashed: {hashed} Failed: {failed}");
        if unfinished > 0 {
            let _ = write!(text, " Not finished: {unfinished}");
        }
        let others = [
            (already, "was a hash before", "were hashes before"),
            (changed, "was changed meanwhile by others", "were changed meanwhile by others"),
            (empty, "is empty", "are empty"),
            (ambiguous, "is ambiguous and stays as it is", "are ambiguous and stay as they are"),
        ];
        let others: Vec<_> = others
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, several)| counted(count, one, several))
            .collect();
        if !others.is_empty() {
            let _ = write!(text, " ({})", others.join(", "));
        }
        let _ = write!(
            text,
            "\n{} in {} and {:.2} s, {:.1} hashes a second; {verified} verified",
            counted(seen, "row", "rows"),
            counted(self.passes, "pass", "passes"),
            self.took.as_secs_f64(),
            self.hashes_per_second()
        );
        if let Some(now) = &self.now {
            let _ = write!(
                text,
                "\nthe table now: {}, {}, {} plaintext, {} NULL, {} empty, {} ambiguous",
                counted(now.rows(), "row", "rows"),
                counted(now.hash, "hash", "hashes"),
                now.plaintext,
                now.null,
                now.empty,
                now.ambiguous()
            );
        }
        for (cleaned, title) in [(true, "cleaned:"), (false, "remains, for you:")] {
            let mut residues =
                self.residues.iter().filter(|residue| residue.is_removed == cleaned).peekable();
            if residues.peek().is_some() {
                let _ = write!(text, "\n{title}");
            }
            for residue in residues {
                let _ = write!(text, "\n  - {}", residue.text);
            }
        }
        text
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let key_id = self.recipe.pepper.as_ref().map(|pepper| &pepper.id);
        serde_json::to_string(&SummaryRecord {
            table: &self.table.name,
            argon2: self.recipe.cost.to_string(),
            key_id: key_id.map(|id| String::from_utf8_lossy(id).into_owned()),
            threads: self.threads,
            passes: self.passes,
            took_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            hashes_per_s: self.hashes_per_second(),
            counts: self.counts,
            now: self.now.as_ref().map(|now| TableState {
                rows: now.rows(),
                plaintext: now.plaintext,
                hashes: now.hash,
                null: now.null,
                empty: now.empty,
                ambiguous: now.ambiguous(),
            }),
            remains: self.remains().collect(),
        })
    }

    fn remains(&self) -> impl Iterator<Item = &str> {
        self.residues
            .iter()
            .filter(|residue| !residue.is_removed)
            .map(|residue| residue.text.as_str())
    }
}
