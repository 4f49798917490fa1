//! What was found out, as it is printed.

use comfy_table::{CellAlignment, Table, presets};
use mesero_terminal::output::visible;
use serde_json::{Value, json};

use crate::capacity::findings::{Check, Findings, Verdict};
use crate::capacity::need::Demand;
use crate::capacity::sweep::Level;
use crate::plan::{Arrivals, Protocol};
use crate::stats::format;
use crate::stats::latency_histogram::{Found, Times};

/// All there is to tell.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// As it was named.
    pub(crate) target: &'a str,
    pub(crate) protocol: Protocol,
    pub(crate) findings: Findings,
    /// How to read the figures.
    pub(crate) note: Option<String>,
}

impl Report<'_> {
    /// For a person.
    pub(crate) fn text(&self) -> String {
        let target: String = self.target.chars().flat_map(visible).collect();
        let protocol = self.protocol.told().map_or_else(String::new, |told| format!("; {told}"));
        let mut text = format!("{target}{protocol}\n{}\n\n", self.findings.goal.sentence());
        for line in self.levels().to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        for sentence in self.findings.sentences().iter().chain(&self.note) {
            text.push_str(&format!("\n{sentence}\n"));
        }
        for doubt in &self.findings.doubts {
            text.push_str(&format!("\nvoid: {doubt}\n"));
        }
        text
    }

    fn levels(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["at once", "a second", "mean", "p99", "ok"]);
        for level in &self.findings.sweep.levels {
            let Level { at_once, record } = level;
            table.add_row([
                format::count((*at_once).into()),
                format::number(level.rate()),
                format::found(record.response.mean()),
                format::found(record.response.quantile(0.99)),
                format::share(record.ok, record.requests),
            ]);
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// For a program; its members are listed in the reference.
    pub(crate) fn json(&self) -> String {
        let findings = &self.findings;
        let levels = findings.sweep.levels.iter().map(level);
        let knee = &findings.knee;
        let (at_once, word) = findings.verdict.told();
        let queue = at_once.zip(findings.service.as_ref());
        let wait = queue.and_then(|(at_once, service)| findings.goal.wait(service, at_once));
        let value = json!({
            "target": self.target,
            "http2": self.protocol.json(),
            "wanted": {
                "demand": demand(&findings.goal.demand),
                "patience_s": findings.goal.patience,
                "share": findings.goal.share,
            },
            "levels": levels.collect::<Vec<_>>(),
            "service_s": findings.service.as_ref().map(|service| json!({
                "count": service.count(),
                "mean": service.mean(),
                "error": service.error() * service.mean(),
                "variation": service.variation(),
            })),
            "knee": { "at_once": knee.at_once, "rate": knee.rate, "seen": knee.is_seen },
            "verdict": word,
            "at_once": at_once,
            "queue": queue.map(|(at_once, service)| findings.goal.queue(service, at_once)),
            "wait": wait.map(|(busy, wait)| json!({
                "busy": busy,
                "share": wait.chance,
                "mean_s": wait.mean(),
                "p99_s": wait.quantile(0.99),
            })),
            "check": findings.check.as_ref().map(check),
            "notes": self.note.as_slice(),
            "void": findings.doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "holds": findings.holds(),
            "sentences": findings.sentences(),
        });
        format!("{value:#}")
    }
}

impl Verdict {
    /// How many at once it takes, and the verdict as one word.
    fn told(&self) -> (Option<u32>, &'static str) {
        match *self {
            Verdict::Enough { at_once } => (Some(at_once), "enough"),
            Verdict::TooFewSeats { at_once, .. } => (Some(at_once), "too_few_seats"),
            Verdict::TooFewWorkers { at_once, .. } => (Some(at_once), "too_few_workers"),
            Verdict::Saturated { at_once } => (Some(at_once), "saturated"),
            Verdict::Refuted { at_once } => (Some(at_once), "refuted"),
            Verdict::Beyond { .. } => (None, "beyond"),
            Verdict::Never { is_sure: true, .. } => (None, "never"),
            Verdict::Never { .. } => (None, "unsure"),
            Verdict::Unanswered => (None, "unanswered"),
        }
    }
}

fn demand(demand: &Demand) -> Value {
    match demand {
        Demand::Crowd { clients } => json!({ "clients": clients }),
        Demand::Stream { rate, arrivals } => {
            let arrivals = match arrivals {
                Arrivals::Poisson => "poisson",
                Arrivals::Uniform => "uniform",
            };
            json!({ "rate": rate, "arrivals": arrivals })
        }
    }
}

fn level(level: &Level) -> Value {
    let Level { at_once, record } = level;
    json!({
        "at_once": at_once,
        "rate": level.rate(),
        "requests": record.requests,
        "ok": record.ok,
        "gave_up": record.gave_up,
        "response_s": times(&record.response),
    })
}

fn check(check: &Check) -> Value {
    let Check { demand: what, at_once, record } = check;
    json!({
        "demand": demand(what),
        "at_once": at_once,
        "requests": record.requests,
        "ok": record.ok,
        "gave_up": record.gave_up,
        "response_s": times(&record.response),
    })
}

fn times(times: &Times) -> Value {
    let value = |found: Option<Found>| match found {
        None => Value::Null,
        Some(Found { time, is_more: false }) => json!(time.as_secs_f64()),
        Some(Found { time, .. }) => json!({ "more_than": time.as_secs_f64() }),
    };
    json!({
        "mean": value(times.mean()),
        "p50": value(times.quantile(0.5)),
        "p99": value(times.quantile(0.99)),
        "max": value(times.longest()),
    })
}
