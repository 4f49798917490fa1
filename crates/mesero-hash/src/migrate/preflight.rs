//! The report before the first write: the classes of the rows, obstacles, and an estimate of the duration.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use mesero_terminal::units::{exact_duration, plural, plural_form};

use crate::argon2::calibrate::HashSpeed;
use crate::argon2::hasher::HashRecipe;
use crate::database::table::{Advisory, PasswordTable, Severity};
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::table_scan::TableScan;
use crate::rows::classify::{Ambiguity, ValueClass};
use crate::rows::counts::ClassCounts;
use crate::rows::row_policy::{AmbiguousAction, RowAction, RowPolicy};

/// Everything that is known before the first write.
#[derive(Debug)]
pub(crate) struct Preflight {
    pub(crate) table: PasswordTable,
    pub(crate) recipe: Arc<HashRecipe>,
    pub(crate) policy: RowPolicy,
    pub(crate) classes: ClassCounts,
    /// Rows to hash.
    pub(crate) to_hash: u64,
    pub(crate) speed: HashSpeed,
}

/// The classes of all rows of a table.
#[derive(Debug, Default)]
pub(crate) struct ClassifiedTable {
    pub(crate) classes: ClassCounts,
    /// Rows to hash.
    pub(crate) to_hash: u64,
}

/// Reads every row once and classifies it. If dropped, nothing remains: it only reads.
///
/// # Errors
/// If the table cannot be read, or a signal arrives.
pub(crate) async fn classify_table(
    session: &mut HashSession<'_>,
    policy: &RowPolicy,
    rows: u64,
) -> Result<ClassifiedTable, SessionError> {
    session.messages.progress.start("reading", rows);
    let mut table = ClassifiedTable::default();
    let mut scan = TableScan::new();
    loop {
        let page = scan.next(session).await?;
        if let Some(signal) = session.stop.arrived().await {
            return Err(SessionError::Stopped(signal));
        }
        session.messages.progress.add(page.len());
        for row in &page {
            let class = ValueClass::of(row);
            table.classes.add(class);
            table.to_hash += u64::from(policy.action(class) != RowAction::Leave);
        }
        if scan.at_end() {
            session.messages.progress.end();
            return Ok(table);
        }
    }
}

impl Preflight {
    /// Obstacles that the operator must remove before anything can be written.
    pub(crate) fn blockers(&self) -> Vec<String> {
        let table = &self.table;
        let advisories =
            table.advisories.iter().filter(|advisory| advisory.severity == Severity::Blocker);
        let mut blockers: Vec<_> = advisories.map(|advisory| advisory.text.clone()).collect();
        let mark = match self.policy.ambiguous {
            Some(AmbiguousAction::Wrap) => "hex128".len(),
            _ => 0,
        };
        let (target, needed) = (table.target(), self.recipe.length() + mark);
        if let Some(width) = target.width
            && width < needed as u64
        {
            blockers.push(format!(
                "the column `{}` is {} and a hash needs {needed} characters; change it to VARCHAR(255)",
                target.name, target.type_name
            ));
        }
        if table.into.is_some() && !table.column.nullable {
            blockers.push(format!(
                "`{}` may not be NULL, so the plaintext could not be removed from it; hash in place, without \
                 `--into`, or allow NULL first",
                table.column.name
            ));
        }
        blockers
    }

    /// Minimum duration of hashing.
    pub(crate) fn hashing_time(&self) -> Duration {
        Duration::from_secs_f64(self.to_hash as f64 / self.speed.hashes_per_second.max(1e-9))
    }

    /// The whole report as text.
    pub(crate) fn report(&self) -> String {
        let mut text = self.rows();
        let (threads, cost) = (self.speed.threads.get(), self.recipe.cost);
        let memory = threads as f64 * cost.bytes() as f64 / 1024.0 / 1024.0;
        let _ = write!(
            text,
            "Argon2id {cost}: {:.1} hashes a second with {threads} {} and {memory:.0} MiB",
            self.speed.hashes_per_second,
            if threads == 1 { "thread" } else { "threads" },
        );
        if self.to_hash > 0 {
            let time = Duration::from_secs(self.hashing_time().as_secs().max(1));
            let _ = write!(
                text,
                "; about {} for {}",
                exact_duration(time),
                plural(self.to_hash, "row", "rows")
            );
        }
        for Advisory { severity, text: advisory } in &self.table.advisories {
            let name = match severity {
                Severity::Info => "note",
                Severity::Warning => "warning",
                Severity::Blocker => continue,
            };
            let _ = write!(text, "\n{name}: {advisory}");
        }
        text
    }

    fn rows(&self) -> String {
        let Self { table, classes, .. } = self;
        let key: Vec<_> = table.key.iter().map(|column| format!("`{}`", column.name)).collect();
        let rows = plural(classes.rows(), "row", "rows");
        let mut text = format!("`{}`: {rows}, identified by {}\n", table.name, key.join(", "));
        let mut line = |count: u64, what: &str| {
            if count > 0 {
                let _ = writeln!(text, "{count:>12}  {what}");
            }
        };
        line(classes.plaintext, "plaintext: to be hashed");
        let hashes = plural_form(classes.hash, "Argon2 hash", "Argon2 hashes");
        line(classes.hash, &format!("{hashes}: unchanged"));
        line(classes.null, "NULL: unchanged");
        line(classes.empty, "empty: unchanged");
        for (ambiguity, count) in &classes.ambiguous {
            let action = self.action_text(*ambiguity, *count);
            line(*count, &format!("{}: {action}", ambiguity.description(*count)));
        }
        text
    }

    fn action_text(&self, ambiguity: Ambiguity, count: u64) -> String {
        let action = self.policy.action(ValueClass::MaybeHash(ambiguity));
        match (action, self.policy.ambiguous) {
            (RowAction::Hash { mark: None }, _) => "to be hashed as plaintext".to_owned(),
            (RowAction::Hash { mark: Some(mark) }, _) => {
                format!("to be hashed again, marked `{mark}`")
            }
            (RowAction::Leave, Some(AmbiguousAction::Wrap)) => {
                let lost =
                    plural_form(count, "it would lose its salt", "they would lose their salts");
                format!("unchanged: hashed again, {lost}")
            }
            (RowAction::Leave, Some(_)) => "unchanged".to_owned(),
            (RowAction::Leave, None) => {
                format!("plaintext or {}?", plural_form(count, "a hash", "hashes"))
            }
        }
    }
}
