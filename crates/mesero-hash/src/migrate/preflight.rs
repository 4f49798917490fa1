//! A look before anything is written: what the rows are, what stands in the way, and how long it will take.

use std::fmt::Write;
use std::time::Duration;

use mesero_terminal::counted::{counted, form};

use crate::argon2::calibrate::HashSpeed;
use crate::argon2::hasher::HashRecipe;
use crate::database::table::{Advisory, PasswordTable, Severity};
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::table_scan::TableScan;
use crate::rows::classify::ValueClass;
use crate::rows::counts::ClassCounts;
use crate::rows::row_policy::{RowAction, RowPolicy};

/// What was found.
#[derive(Debug)]
pub(crate) struct Preflight {
    pub(crate) table: PasswordTable,
    pub(crate) classes: ClassCounts,
    /// Rows that would be hashed.
    pub(crate) jobs: u64,
    pub(crate) speed: HashSpeed,
}

/// Reads every row once.
///
/// # Errors
/// If the table cannot be read, or a signal came.
pub(crate) async fn classify_table(
    session: &mut HashSession<'_>,
    policy: &RowPolicy,
    rows: u64,
) -> Result<(ClassCounts, u64), SessionError> {
    session.progress.begin("looking", rows);
    let (mut classes, mut jobs) = (ClassCounts::default(), 0);
    let mut scan = TableScan::new();
    loop {
        let page = scan.next(session).await?;
        // Between two pages a signal is heard, without waiting for one.
        tokio::select! {
            biased;
            signal = session.signals.next() => {
                session.last_signal = Some(signal);
                return Err(SessionError::Stopped(signal));
            }
            () = std::future::ready(()) => {}
        }
        session.progress.add(page.len());
        for row in &page {
            let class = ValueClass::of(row);
            classes.add(class);
            jobs += u64::from(policy.action(class) != RowAction::Leave);
        }
        if scan.at_end() {
            session.progress.end();
            return Ok((classes, jobs));
        }
    }
}

impl Preflight {
    /// What must be changed first, by a person.
    pub(crate) fn blockers(&self, recipe: &HashRecipe, policy: &RowPolicy) -> Vec<String> {
        let table = &self.table;
        let advisories =
            table.advisories.iter().filter(|advisory| advisory.severity == Severity::Blocker);
        let mut blockers: Vec<_> = advisories.map(|advisory| advisory.text.clone()).collect();
        let mark = match policy.ambiguous {
            Some(crate::rows::row_policy::AmbiguousAction::Wrap) => "hex128".len(),
            _ => 0,
        };
        let (target, needed) = (table.target(), recipe.length() + mark);
        if let Some(width) = target.width
            && width < needed as u64
        {
            blockers.push(format!(
                "the column `{}` is {} and a hash needs {needed} characters; make it VARCHAR(255)",
                target.name, target.type_name
            ));
        }
        if table.into.is_some() && !table.column.nullable {
            blockers.push(format!(
                "`{}` may not be NULL, so the plaintext could not be taken out of it; hash in place, without `--into`, \
                 or allow NULL first",
                table.column.name
            ));
        }
        blockers
    }

    /// How long hashing takes at the least.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.jobs as f64 / self.speed.hashes_per_second.max(1e-9))
    }

    /// All of it, for a person.
    pub(crate) fn text(&self, recipe: &HashRecipe, policy: &RowPolicy) -> String {
        let Self { table, classes, .. } = self;
        let key: Vec<_> = table.key.iter().map(|column| format!("`{}`", column.name)).collect();
        let rows = counted(classes.rows(), "row", "rows");
        let mut text = format!("`{}`: {rows}, found by {}\n", table.name, key.join(", "));
        let mut line = |count: u64, what: &str| {
            if count > 0 {
                let _ = writeln!(text, "{count:>12}  {what}");
            }
        };
        let left = |count| form(count, "left as it is", "left as they are");
        line(classes.plaintext, "plaintext: to be hashed");
        let hashes = form(classes.hash, "Argon2 hash", "Argon2 hashes");
        line(classes.hash, &format!("{hashes}: {}", left(classes.hash)));
        line(classes.null, &format!("NULL: {}", left(classes.null)));
        line(classes.empty, &format!("empty: {}", left(classes.empty)));
        for (ambiguity, count) in &classes.ambiguous {
            let done = match (policy.action(ValueClass::MaybeHash(*ambiguity)), policy.ambiguous) {
                (RowAction::Hash(None), _) => "to be hashed as plaintext".to_owned(),
                (RowAction::Hash(Some(mark)), _) => format!("to be hashed again, marked `{mark}`"),
                (RowAction::Leave, Some(crate::rows::row_policy::AmbiguousAction::Wrap)) => {
                    let lost = form(*count, "it would lose its salt", "they would lose their salt");
                    format!("{}: hashed again {lost}", left(*count))
                }
                (RowAction::Leave, Some(_)) => left(*count).to_owned(),
                (RowAction::Leave, None) => {
                    format!("plaintext or {}?", form(*count, "a hash", "hashes"))
                }
            };
            line(*count, &format!("{}: {done}", ambiguity.text(*count)));
        }
        let (threads, cost) = (self.speed.threads.get(), recipe.cost);
        let memory = threads as f64 * cost.bytes() as f64 / 1024.0 / 1024.0;
        let _ = write!(
            text,
            "Argon2id {cost}: {:.1} hashes a second with {threads} {} and {memory:.0} MiB",
            self.speed.hashes_per_second,
            if threads == 1 { "thread" } else { "threads" },
        );
        if self.jobs > 0 {
            let time = Duration::from_secs(self.time().as_secs().max(1));
            let _ = write!(
                text,
                "; about {} for {}",
                humantime::format_duration(time),
                counted(self.jobs, "row", "rows")
            );
        }
        for Advisory { severity, text: advisory } in &table.advisories {
            let name = match severity {
                Severity::Info => "note",
                Severity::Warning => "warning",
                Severity::Blocker => continue,
            };
            let _ = write!(text, "\n{name}: {advisory}");
        }
        text
    }
}
