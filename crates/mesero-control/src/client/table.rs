//! Jobs as tables.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use mesero_terminal::output::visible;
use mesero_terminal::units::elapsed;

use crate::jobs::JobRecord;

/// Enough to recognize an argument, and short enough for a row.
const ARGUMENTS_SHOWN: usize = 60;

/// A table with a row for each job.
pub(super) fn list(jobs: &[JobRecord]) -> String {
    let mut table = plain();
    table.set_header(["JOB", "PHASE", "AGE", "WAITED", "RAN", "ATTEMPTS", "CALLERS", "ARGUMENTS"]);
    for job in jobs {
        table.add_row([
            shown(&job.id),
            phase(job),
            elapsed(Duration::from_millis(job.age_ms)),
            elapsed(Duration::from_millis(job.waited_ms)),
            elapsed(Duration::from_millis(job.ran_ms)),
            job.attempts.to_string(),
            job.waiters.to_string(),
            arguments(job),
        ]);
    }
    for column in 2..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    text(table)
}

/// A table of one job, with a row for each member.
pub(super) fn one(job: &JobRecord) -> String {
    let mut table = plain();
    table.add_rows([
        ["job", &shown(&job.id)],
        ["resource", &shown(&job.resource)],
        ["phase", &phase(job)],
        ["age", &elapsed(Duration::from_millis(job.age_ms))],
        ["waited", &elapsed(Duration::from_millis(job.waited_ms))],
        ["ran", &elapsed(Duration::from_millis(job.ran_ms))],
        ["attempts", &job.attempts.to_string()],
        ["callers", &job.waiters.to_string()],
    ]);
    if let Some(key) = &job.key {
        table.add_row(["key", &shown(key)]);
    }
    for (name, text) in &job.arguments {
        table.add_row([shown(name), shown(text)]);
    }
    let mut text = text(table);
    if let Some(stack) = &job.stack {
        text.push_str("\n\nstack, the innermost call last");
        text.extend(stack.lines().map(|line| format!("\n{}", shown(line))));
    }
    text
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn text(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// The phase, with the position in the queue and the expected wait, or the seat at the resource.
fn phase(job: &JobRecord) -> String {
    let phase = match (job.position, job.seat) {
        (Some(position), _) => format!("{} #{position}", job.phase),
        (None, Some(seat)) => format!("{} at seat {seat}", job.phase),
        (None, None) => job.phase.clone(),
    };
    let time = |end| elapsed(Duration::from_millis(end));
    match job.eta_ms {
        Some((low, Some(high))) => format!("{phase}, {} to {}", time(low), time(high)),
        Some((low, None)) => format!("{phase}, {} or more", time(low)),
        None => phase,
    }
}

fn arguments(job: &JobRecord) -> String {
    let all: Vec<_> = job.arguments.iter().map(|(name, text)| format!("{name}={text}")).collect();
    let all = shown(&all.join(" "));
    match all.char_indices().nth(ARGUMENTS_SHOWN) {
        None => all,
        Some((end, _)) => format!("{}…", &all[..end]),
    }
}

/// An untrusted text, with control characters escaped.
fn shown(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn job(id: &str, arguments: &[(&str, &str)]) -> JobRecord {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        JobRecord {
            id: id.to_owned(),
            resource: "square".to_owned(),
            phase: "running".to_owned(),
            position: None,
            eta_ms: None,
            seat: Some(0),
            age_ms: 1_234,
            waited_ms: 0,
            ran_ms: 61_000,
            attempts: 1,
            waiters: 2,
            key: None,
            stack: None,
            arguments: arguments.iter().map(owned).collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn a_list_has_a_row_a_job() {
        let mut queued = job("square-18", &[("num", "2"), ("unit", "\x1b[31m")]);
        (queued.phase, queued.seat, queued.position) = ("queued".to_owned(), None, Some(1));
        let text = list(&[job("square-7", &[("num", "3")]), queued]);
        let expected = [
            "JOB        PHASE                AGE  WAITED         RAN  ATTEMPTS  CALLERS  ARGUMENTS",
            "square-7   running at seat 0  1.2 s    0 ms  1 min 01 s         1        2  num=3",
            "square-18  queued #1          1.2 s    0 ms  1 min 01 s         1        2  num=2 \
             unit=\\u{1b}[31m",
        ];
        assert_eq!(text, expected.join("\n"));
    }

    #[test]
    fn a_job_that_waits_has_a_range_of_its_wait() {
        let mut queued = job("square-18", &[]);
        (queued.phase, queued.seat, queued.position) = ("queued".to_owned(), None, Some(3));
        queued.eta_ms = Some((1_200, Some(4_800)));
        assert_eq!(phase(&queued), "queued #3, 1.2 s to 4.8 s");
        (queued.position, queued.eta_ms) = (None, Some((300, None)));
        assert_eq!(phase(&queued), "queued, 300 ms or more");
    }

    #[test]
    fn long_arguments_are_cut() {
        let long = "é".repeat(100);
        let cut = arguments(&job("square-1", &[("num", &long)]));
        assert_eq!(cut, format!("num={}…", "é".repeat(ARGUMENTS_SHOWN - 4)));
    }
}
