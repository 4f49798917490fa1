//! A look before anything is written: what the rows are, what stands in the way, and how long it will take.

use std::fmt::Write;
use std::time::Duration;

use mesero_terminal::counted::{counted, form};

use crate::argon2::calibrate::Speed;
use crate::argon2::hasher::Recipe;
use crate::database::table::{Note, Table, Weight};
use crate::migrate::session::{Desk, Unable};
use crate::migrate::table_scan::Walk;
use crate::rows::classify::Class;
use crate::rows::counts::Classes;
use crate::rows::row_policy::{Rules, Verdict};

/// What was found.
#[derive(Debug)]
pub(crate) struct Preflight {
    pub(crate) table: Table,
    pub(crate) classes: Classes,
    /// Rows that would be hashed.
    pub(crate) orders: u64,
    pub(crate) speed: Speed,
}

/// Reads every row once.
///
/// # Errors
/// If the table cannot be read, or a signal came.
pub(crate) async fn survey(
    desk: &mut Desk<'_>,
    rules: &Rules,
    rows: u64,
) -> Result<(Classes, u64), Unable> {
    desk.progress.begin("looking", rows);
    let (mut classes, mut orders) = (Classes::default(), 0);
    let mut walk = Walk::new();
    loop {
        let page = walk.next(desk).await?;
        // Between two pages a signal is heard, without waiting for one.
        tokio::select! {
            biased;
            signal = desk.signals.next() => {
                desk.heard = Some(signal);
                return Err(Unable::Stopped(signal));
            }
            () = std::future::ready(()) => {}
        }
        desk.progress.add(page.len());
        for row in &page {
            let class = Class::of(row);
            classes.add(class);
            orders += u64::from(rules.judge(class) != Verdict::Leave);
        }
        if walk.at_end() {
            desk.progress.end();
            return Ok((classes, orders));
        }
    }
}

impl Preflight {
    /// What must be changed first, by a person.
    pub(crate) fn stops(&self, recipe: &Recipe, rules: &Rules) -> Vec<String> {
        let table = &self.table;
        let notes = table.notes.iter().filter(|note| note.weight == Weight::Stop);
        let mut stops: Vec<_> = notes.map(|note| note.text.clone()).collect();
        let mark = match rules.ambiguous {
            Some(crate::rows::row_policy::Ambiguous::Wrap) => "hex128".len(),
            _ => 0,
        };
        let (target, needed) = (table.target(), recipe.length() + mark);
        if let Some(width) = target.width
            && width < needed as u64
        {
            stops.push(format!(
                "the column `{}` is {} and a hash needs {needed} characters; make it VARCHAR(255)",
                target.name, target.type_name
            ));
        }
        if table.into.is_some() && !table.column.nullable {
            stops.push(format!(
                "`{}` may not be NULL, so the plaintext could not be taken out of it; hash in place, without `--into`, \
                 or allow NULL first",
                table.column.name
            ));
        }
        stops
    }

    /// How long hashing takes at the least.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.orders as f64 / self.speed.hashes_a_second.max(1e-9))
    }

    /// All of it, for a person.
    pub(crate) fn text(&self, recipe: &Recipe, rules: &Rules) -> String {
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
        for (suspect, count) in &classes.ambiguous {
            let done = match (rules.judge(Class::Ambiguous(*suspect)), rules.ambiguous) {
                (Verdict::Hash(None), _) => "to be hashed as plaintext".to_owned(),
                (Verdict::Hash(Some(mark)), _) => format!("to be hashed again, marked `{mark}`"),
                (Verdict::Leave, Some(crate::rows::row_policy::Ambiguous::Wrap)) => {
                    let lost = form(*count, "it would lose its salt", "they would lose their salt");
                    format!("{}: hashed again {lost}", left(*count))
                }
                (Verdict::Leave, Some(_)) => left(*count).to_owned(),
                (Verdict::Leave, None) => {
                    format!("plaintext or {}?", form(*count, "a hash", "hashes"))
                }
            };
            line(*count, &format!("{}: {done}", suspect.text(*count)));
        }
        let (threads, cost) = (self.speed.threads.get(), recipe.cost);
        let memory = threads as f64 * cost.bytes() as f64 / 1024.0 / 1024.0;
        let _ = write!(
            text,
            "Argon2id {cost}: {:.1} hashes a second with {threads} {} and {memory:.0} MiB",
            self.speed.hashes_a_second,
            if threads == 1 { "thread" } else { "threads" },
        );
        if self.orders > 0 {
            let time = Duration::from_secs(self.time().as_secs().max(1));
            let _ = write!(
                text,
                "; about {} for {}",
                humantime::format_duration(time),
                counted(self.orders, "row", "rows")
            );
        }
        for Note { weight, text: note } in &table.notes {
            let name = match weight {
                Weight::Fact => "note",
                Weight::Warning => "warning",
                Weight::Stop => continue,
            };
            let _ = write!(text, "\n{name}: {note}");
        }
        text
    }
}
