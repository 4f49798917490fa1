//! The summary of a run, as text and as JSON.

use std::fmt::Write;
use std::time::Duration;

use mesero::Stats;
use mesero_terminal::units::{milliseconds, plural};
use serde::Serialize;

use crate::argon2::hasher::HashRecipe;
use crate::database::residue::Residue;
use crate::database::table::PasswordTable;
use crate::rows::counts::{ClassCounts, RowCounts};

/// Everything that the summary contains.
#[derive(Debug)]
pub(crate) struct HashSummary<'a> {
    pub(crate) table: &'a PasswordTable,
    pub(crate) recipe: &'a HashRecipe,
    pub(crate) counts: RowCounts,
    /// Classes of all rows in the last complete pass.
    pub(crate) final_classes: Option<ClassCounts>,
    pub(crate) passes: u64,
    pub(crate) threads: usize,
    pub(crate) duration: Duration,
    pub(crate) stats: Stats,
    pub(crate) residues: Vec<Residue>,
}

/// The summary as a JSON object.
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

/// The rows of the table at the end, by class.
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
        self.counts.hashed as f64 / self.duration.as_secs_f64().max(1e-9)
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
            let _ = write!(text, " Unfinished: {unfinished}");
        }
        let others = [
            (already, "was already a hash", "were already hashes"),
            (changed, "was changed by another program", "were changed by other programs"),
            (empty, "is empty", "are empty"),
            (ambiguous, "is ambiguous and unchanged", "are ambiguous and unchanged"),
        ];
        let others: Vec<_> = others
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, several)| plural(count, one, several))
            .collect();
        if !others.is_empty() {
            let _ = write!(text, " ({})", others.join(", "));
        }
        let _ = write!(
            text,
            "\n{} in {} and {:.2} s, {:.1} hashes a second; {verified} verified",
            plural(seen, "row", "rows"),
            plural(self.passes, "pass", "passes"),
            self.duration.as_secs_f64(),
            self.hashes_per_second()
        );
        if let Some(now) = &self.final_classes {
            let _ = write!(
                text,
                "\nthe table now: {}, {}, {} plaintext, {} NULL, {} empty, {} ambiguous",
                plural(now.rows(), "row", "rows"),
                plural(now.hash, "hash", "hashes"),
                now.plaintext,
                now.null,
                now.empty,
                now.ambiguous()
            );
        }
        for (is_removed, title) in [(true, "removed:"), (false, "to be removed by you:")] {
            let mut residues =
                self.residues.iter().filter(|residue| residue.is_removed == is_removed).peekable();
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
            took_ms: milliseconds(self.duration),
            hashes_per_s: self.hashes_per_second(),
            counts: self.counts,
            now: self.final_classes.as_ref().map(|now| TableState {
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
