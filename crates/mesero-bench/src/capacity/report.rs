//! The report of `--suggest`.

use comfy_table::{CellAlignment, Table, presets};
use mesero_terminal::output::visible;
use mesero_terminal::units;
use serde_json::{Value, json};

use crate::capacity::findings::{CapacityCheck, CapacityFindings, CapacityVerdict};
use crate::capacity::need::Demand;
use crate::capacity::sweep::SweepLevel;
use crate::plan::{Arrivals, Protocol};
use crate::stats::format;
use crate::stats::latency_histogram::{Latency, LatencyHistogram};

/// Everything that is printed.
#[derive(Debug)]
pub(crate) struct CapacityReport<'a> {
    /// As typed.
    pub(crate) target: &'a str,
    pub(crate) protocol: Protocol,
    pub(crate) findings: CapacityFindings,
    /// How to read the figures.
    pub(crate) note: Option<String>,
}

impl CapacityReport<'_> {
    /// Text for the terminal.
    pub(crate) fn text(&self) -> String {
        let target: String = self.target.chars().flat_map(visible).collect();
        let protocol = self.protocol.label().map_or_else(String::new, |label| format!("; {label}"));
        let mut text = format!("{target}{protocol}\n{}\n\n", self.findings.goal.sentence());
        for line in self.levels().to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        for sentence in self.findings.sentences().iter().chain(&self.note) {
            text.push_str(&format!("\n{sentence}\n"));
        }
        for issue in &self.findings.issues {
            text.push_str(&format!("\nvoid: {issue}\n"));
        }
        text
    }

    fn levels(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["concurrency", "a second", "mean", "p99", "ok"]);
        for level in &self.findings.sweep.levels {
            let SweepLevel { concurrency, record } = level;
            table.add_row([
                units::grouped((*concurrency).into()),
                units::number(level.rate()),
                format::latency(record.response.mean()),
                format::latency(record.response.quantile(0.99)),
                units::share(record.ok, record.requests),
            ]);
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// JSON; its members are listed in the reference.
    pub(crate) fn json(&self) -> String {
        let findings = &self.findings;
        let levels = findings.sweep.levels.iter().map(level);
        let knee = &findings.knee;
        let (concurrency, word) = findings.verdict.label();
        let queue = concurrency.zip(findings.service.as_ref());
        let wait =
            queue.and_then(|(concurrency, service)| findings.goal.wait(service, concurrency));
        let value = json!({
            "target": self.target,
            "http2": self.protocol.json(),
            "wanted": {
                "demand": demand(&findings.goal.demand),
                "timeout_s": findings.goal.timeout,
                "share": findings.goal.share,
            },
            "levels": levels.collect::<Vec<_>>(),
            "service_s": findings.service.as_ref().map(|service| json!({
                "count": service.count(),
                "mean": service.mean(),
                "error": service.error() * service.mean(),
                "variation": service.variation(),
            })),
            "knee": { "concurrency": knee.concurrency, "rate": knee.rate, "observed": knee.is_observed },
            "verdict": word,
            "concurrency": concurrency,
            "queue": queue.map(|(concurrency, service)| findings.goal.queue(service, concurrency)),
            "wait": wait.map(|(busy, wait)| json!({
                "busy": busy,
                "share": wait.chance,
                "mean_s": wait.mean(),
                "p99_s": wait.quantile(0.99),
            })),
            "check": findings.check.as_ref().map(check),
            "notes": self.note.as_slice(),
            "void": findings.issues.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "holds": findings.holds(),
            "sentences": findings.sentences(),
        });
        format!("{value:#}")
    }
}

impl CapacityVerdict {
    /// The suggested concurrency, and the verdict as one word.
    fn label(&self) -> (Option<u32>, &'static str) {
        match *self {
            CapacityVerdict::Enough { concurrency } => (Some(concurrency), "enough"),
            CapacityVerdict::TooFewSeats { concurrency, .. } => {
                (Some(concurrency), "too_few_seats")
            }
            CapacityVerdict::TooFewWorkers { concurrency, .. } => {
                (Some(concurrency), "too_few_workers")
            }
            CapacityVerdict::Saturated { concurrency } => (Some(concurrency), "saturated"),
            CapacityVerdict::Refuted { concurrency } => (Some(concurrency), "refuted"),
            CapacityVerdict::TooMany { .. } => (None, "beyond"),
            CapacityVerdict::Never { is_certain: true, .. } => (None, "never"),
            CapacityVerdict::Never { .. } => (None, "unsure"),
            CapacityVerdict::Unanswered => (None, "unanswered"),
        }
    }
}

fn demand(demand: &Demand) -> Value {
    match demand {
        Demand::Burst { clients } => json!({ "clients": clients }),
        Demand::Rate { rate, arrivals } => {
            let arrivals = match arrivals {
                Arrivals::Poisson => "poisson",
                Arrivals::Uniform => "uniform",
            };
            json!({ "rate": rate, "arrivals": arrivals })
        }
    }
}

fn level(level: &SweepLevel) -> Value {
    let SweepLevel { concurrency, record } = level;
    json!({
        "concurrency": concurrency,
        "rate": level.rate(),
        "requests": record.requests,
        "ok": record.ok,
        "client_timeout": record.client_timeouts,
        "response_s": times(&record.response),
    })
}

fn check(check: &CapacityCheck) -> Value {
    let CapacityCheck { demand: what, concurrency, record } = check;
    json!({
        "demand": demand(what),
        "concurrency": concurrency,
        "requests": record.requests,
        "ok": record.ok,
        "client_timeout": record.client_timeouts,
        "response_s": times(&record.response),
    })
}

fn times(times: &LatencyHistogram) -> Value {
    let value = |latency: Option<Latency>| match latency {
        None => Value::Null,
        Some(Latency { time, is_lower_bound: false }) => json!(time.as_secs_f64()),
        Some(Latency { time, .. }) => json!({ "more_than": time.as_secs_f64() }),
    };
    json!({
        "mean": value(times.mean()),
        "p50": value(times.quantile(0.5)),
        "p99": value(times.quantile(0.99)),
        "max": value(times.max()),
    })
}
