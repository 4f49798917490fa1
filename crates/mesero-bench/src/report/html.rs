//! The report as an HTML page.

use mesero_terminal::units;

use crate::baseline::environment::Environment;
use crate::comparison::results::TargetResults;
use crate::comparison::{self, Comparison};
use crate::report::page::{FigureTable, HtmlPage, TargetView, Tone, VerdictSentence};
use crate::report::{BenchReport, TargetReport};
use crate::stats::format;
use crate::stats::metric::Statistic;

impl BenchReport {
    /// A complete document, without external resources.
    pub(crate) fn html(&self, environment: &Environment) -> String {
        self.page(environment).html()
    }

    fn page(&self, environment: &Environment) -> HtmlPage {
        let names: Vec<_> = self
            .target_reports
            .iter()
            .map(|target_report| target_report.results.name.as_str())
            .collect();
        let mut notes = match &self.target_reports[..] {
            [target_report] => {
                target_report.resource_usage().into_iter().chain(target_report.notes()).collect()
            }
            // The table shows the resource usage of each.
            _ => self.named(TargetReport::notes),
        };
        notes.extend(self.baseline_notes());
        let targets = self
            .target_reports
            .iter()
            .map(|target_report| target_report.view_of(&target_report.results));
        HtmlPage {
            title: format!("mesero bench: {}", names.join(", ")),
            verdict: self.sentences(),
            targets: targets.chain(self.baseline_views()).collect(),
            now: self.target_reports.len(),
            comparisons: self.ratios_to_first().into_iter().chain(self.baseline_ratios()).collect(),
            notes,
            facts: self.facts(environment),
        }
    }

    /// Conclusions first, then validity and verdict.
    fn sentences(&self) -> Vec<VerdictSentence> {
        let is_void =
            self.target_reports.iter().any(|target_report| !target_report.issues.is_empty());
        let mut sentences = Vec::new();
        if is_void {
            let text = "This measurement is void.".to_owned();
            sentences.push(VerdictSentence { tone: Tone::Void, text });
        }
        let several = self.target_reports.len() > 1;
        let conclusions = self.conclusions();
        if several && conclusions.is_empty() && !is_void {
            let text = format!("{} targets measured.", self.target_reports.len());
            sentences.push(VerdictSentence { tone: Tone::Plain, text });
        }
        // They begin with names, which keep their case.
        let sentence = |text| VerdictSentence { tone: Tone::Plain, text: format!("{text}.") };
        sentences.extend(conclusions.into_iter().map(sentence));
        sentences
            .extend(self.differences().map(|text| VerdictSentence { tone: Tone::Failed, text }));
        for target_report in &self.target_reports {
            let named = |text: String| {
                if several { format!("{}: {text}", target_report.results.name) } else { text }
            };
            let headline = target_report.headline();
            let text = if several { named(headline) } else { capital(&headline) };
            sentences.push(VerdictSentence { tone: Tone::Plain, text });
            sentences.extend(
                target_report
                    .judged()
                    .into_iter()
                    .map(|(tone, text)| VerdictSentence { tone, text: named(text) }),
            );
        }
        sentences
    }

    /// Ratios of each target to the first; none for a single target.
    fn ratios_to_first(&self) -> Option<FigureTable> {
        let [first, others @ ..] = &self.target_reports[..] else { return None };
        let row = |(target_report, comparison): (&TargetReport, &Comparison)| {
            let ratios =
                ["rate", "p50", "p99"].map(|name| comparison::text(comparison.ratio(name)));
            [target_report.results.name.clone()].into_iter().chain(ratios).collect()
        };
        let rows: Vec<_> = others.iter().zip(&self.comparisons).map(row).collect();
        let head = format!("÷ {}", first.results.name);
        let head = [&head, "a second", "p50", "p99"].map(str::to_owned).into();
        (!rows.is_empty()).then_some(FigureTable { head, rows })
    }

    fn facts(&self, environment: &Environment) -> Vec<(String, String)> {
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut facts = Vec::new();
        if let Some(target_report) = self.target_reports.first() {
            facts.push(fact("load", &target_report.load()));
            facts.push(fact("seed", &target_report.plan.seed.to_string()));
        }
        let Environment { when, machine, command } = environment;
        facts.extend([
            fact("time", &format::timestamp(when)),
            fact("machine", &machine.to_string()),
        ]);
        facts.push(fact("command", command));
        facts.extend(self.baseline_title().map(|title| fact("baseline", &title)));
        facts.push(fact("version", concat!("mesero ", env!("CARGO_PKG_VERSION"))));
        facts
    }
}

/// With a capital first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

impl TargetReport {
    /// The outcomes in one sentence.
    fn headline(&self) -> String {
        let record = &self.results.record;
        let (ok, requests) = (units::grouped(record.ok), units::grouped(record.requests));
        let client_timeouts = record.client_timeouts + record.unsent;
        let failed = record.failed() - client_timeouts;
        if record.requests == 0 {
            return "no request was sent.".to_owned();
        }
        let times = || {
            let time = |share| format::latency(Statistic::Quantile(share).of(&record.response));
            format!("p50 {}, p99 {}", time(0.5), time(0.99))
        };
        if (record.ok, record.requests) == (1, 1) {
            return format!(
                "the request was answered in {}.",
                format::latency(record.response.max())
            );
        }
        if record.ok == record.requests {
            return format!("all {requests} requests were answered, {}.", times());
        }
        let mut text = match record.ok {
            0 => format!("none of {requests} requests was answered"),
            _ => format!(
                "{ok} of {requests} requests were answered ({})",
                units::share(record.ok, record.requests)
            ),
        };
        if client_timeouts > 0 {
            let timeout = units::with_three_digits(self.plan.timeout);
            text.push_str(&format!(
                "; {} timed out after {timeout}",
                units::grouped(client_timeouts)
            ));
        }
        if failed > 0 {
            text.push_str(&format!("; {} failed", units::grouped(failed)));
        }
        text.push('.');
        text
    }

    fn judged(&self) -> Vec<(Tone, String)> {
        let holds = self.verdict.iter().flatten().all(|judged| judged.holds);
        let tone = |index| match (index < self.issues.len(), holds && self.issues.is_empty()) {
            (true, _) => Tone::Void,
            (false, true) => Tone::Passed,
            (false, false) => Tone::Failed,
        };
        self.judgement().into_iter().enumerate().map(|(index, line)| (tone(index), line)).collect()
    }

    /// The charts of results, current or saved.
    pub(crate) fn view_of(&self, results: &TargetResults) -> TargetView {
        // As many as a chart can show, and as a table should have.
        const DRAWN: usize = 60;
        const LISTED: usize = 12;
        let record = &results.record;
        TargetView {
            name: results.name.clone(),
            address: (results.name != results.url).then(|| results.url.clone()),
            outcome_counts: record.outcome_counts(),
            rate: (record.ok_in_window > 0).then(|| record.rate()),
            response: record.response.clone(),
            service: self.is_open().then(|| record.service.clone()),
            resource_usage: results.resource_usage,
            time_series: record.series.intervals(DRAWN),
            short_time_series: record.series.intervals(LISTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::results::ResourceUsage;
    use crate::report::target_report::tests::target_report;

    fn report(target_reports: Vec<TargetReport>) -> HtmlPage {
        BenchReport { target_reports, comparisons: Vec::new() }.page(&Environment::now())
    }

    fn sentences(page: &HtmlPage) -> Vec<(Tone, &str)> {
        page.verdict.iter().map(|sentence| (sentence.tone, sentence.text.as_str())).collect()
    }

    #[test]
    fn a_page_begins_with_the_outcomes_and_the_verdict() {
        let page = report(vec![target_report()]);
        let counts =
            "10 of 20 requests were answered (50.0 %); 9 timed out after 7.00 s; 1 failed.";
        let verdict = "failed: client_timeout=0 (9 of 20), p95<5s (more than 7.00 s)";
        assert_eq!(sentences(&page), [(Tone::Plain, counts), (Tone::Failed, verdict)]);
    }

    #[test]
    fn a_void_measurement_is_reported_first() {
        let mut void = target_report();
        void.issues.push(crate::load::validity::ValidityIssue::LittlesLaw {
            in_flight: 20.0,
            clients: 10,
        });
        let page = report(vec![void]);
        let tones: Vec<_> = page.verdict.iter().map(|sentence| sentence.tone).collect();
        assert_eq!(tones, [Tone::Void, Tone::Plain, Tone::Void, Tone::Failed]);
    }

    #[test]
    fn the_resource_usage_of_one_target_is_a_sentence_and_of_several_a_table() {
        let started = || {
            let mut target_report = target_report();
            let cpu = std::time::Duration::from_millis(2);
            target_report.results.add_usage(ResourceUsage {
                cpu,
                requests: 20,
                memory_bytes: 32_000_000,
            });
            target_report
        };
        let sentence =
            "A request took 100 µs of CPU time, and all processes together 32.0 MB of memory.";
        let one = report(vec![started()]);
        assert_eq!(one.notes[0], sentence);
        let two = report(vec![started(), target_report()]);
        assert!(!two.notes.iter().any(|note| note == sentence), "{:?}", two.notes);
        assert!(two.html().contains("<td>32.0 MB</td>"));
    }

    #[test]
    fn a_note_on_several_targets_is_printed_once_with_their_names() {
        let notes = report(vec![target_report(), target_report()]).notes;
        let name = "http://localhost:8001/resource";
        let begin = format!("{name}, {name}: Values after > are lower bounds");
        assert_eq!(notes.iter().filter(|note| note.starts_with(&begin)).count(), 1, "{notes:?}");
        assert_eq!(notes.iter().filter(|note| note.contains("lower bounds")).count(), 1);
    }
}
