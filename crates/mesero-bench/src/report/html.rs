//! The report as a page.

use crate::baseline::environment::Circumstances;
use crate::comparison::results::Measured;
use crate::comparison::{self, Comparison};
use crate::report::page::{Grid, Page, Sentence, Subject, Tone};
use crate::report::{Account, Report};
use crate::stats::format;
use crate::stats::metric::Statistic;

impl Report {
    /// A document that needs nothing else.
    pub(crate) fn html(&self, circumstances: &Circumstances) -> String {
        self.page(circumstances).html()
    }

    fn page(&self, circumstances: &Circumstances) -> Page {
        let names: Vec<_> =
            self.accounts.iter().map(|account| account.measured.name.as_str()).collect();
        let mut notes = match &self.accounts[..] {
            [account] => account.taken().into_iter().chain(account.notes()).collect(),
            // What each took is shown beside each other.
            _ => self.named(Account::notes),
        };
        notes.extend(self.notes_of_then());
        let subjects = self.accounts.iter().map(|account| account.subject_of(&account.measured));
        Page {
            title: format!("mesero bench: {}", names.join(", ")),
            verdict: self.sentences(),
            subjects: subjects.chain(self.subjects_of_then()).collect(),
            now: self.accounts.len(),
            comparisons: self.beside_first().into_iter().chain(self.grid_of_then()).collect(),
            notes,
            facts: self.facts(circumstances),
        }
    }

    /// What it comes to first, then whether that is believed, and as was expected.
    fn sentences(&self) -> Vec<Sentence> {
        let is_void = self.accounts.iter().any(|account| !account.doubts.is_empty());
        let mut sentences = Vec::new();
        if is_void {
            let text = "This measurement is void.".to_owned();
            sentences.push(Sentence { tone: Tone::Void, text });
        }
        let several = self.accounts.len() > 1;
        let conclusions = self.conclusions();
        if several && conclusions.is_empty() && !is_void {
            let text = format!("{} measured in turns.", self.accounts.len());
            sentences.push(Sentence { tone: Tone::Plain, text });
        }
        // They begin with names, which are not ours to spell.
        let sentence = |text| Sentence { tone: Tone::Plain, text: format!("{text}.") };
        sentences.extend(conclusions.into_iter().map(sentence));
        sentences.extend(self.differences().map(|text| Sentence { tone: Tone::Failed, text }));
        for account in &self.accounts {
            let named = |text: String| match several {
                true => format!("{}: {text}", account.measured.name),
                false => text,
            };
            let headline = account.headline();
            let text = if several { named(headline) } else { capital(&headline) };
            sentences.push(Sentence { tone: Tone::Plain, text });
            sentences.extend(
                account
                    .judged()
                    .into_iter()
                    .map(|(tone, text)| Sentence { tone, text: named(text) }),
            );
        }
        sentences
    }

    /// The ratios of each to the first, where there are several.
    fn beside_first(&self) -> Option<Grid> {
        let [first, others @ ..] = &self.accounts[..] else { return None };
        let row = |(account, comparison): (&Account, &Comparison)| {
            let ratios =
                ["rate", "p50", "p99"].map(|name| comparison::text(comparison.ratio(name)));
            [account.measured.name.clone()].into_iter().chain(ratios).collect()
        };
        let rows: Vec<_> = others.iter().zip(&self.comparisons).map(row).collect();
        let head = format!("÷ {}", first.measured.name);
        let head = [&head, "a second", "p50", "p99"].map(str::to_owned).into();
        (!rows.is_empty()).then_some(Grid { head, rows })
    }

    fn facts(&self, circumstances: &Circumstances) -> Vec<(String, String)> {
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut facts = Vec::new();
        if let Some(account) = self.accounts.first() {
            facts.push(fact("load", &account.load()));
            facts.push(fact("seed", &account.plan.seed.to_string()));
        }
        let Circumstances { when, machine, command } = circumstances;
        facts.extend([fact("when", &format::instant(when)), fact("machine", &machine.to_string())]);
        facts.push(fact("command", command));
        facts.extend(self.title_of_then().map(|title| fact("baseline", &title)));
        facts.push(fact("by", concat!("mesero ", env!("CARGO_PKG_VERSION"))));
        facts
    }
}

/// As a sentence begins.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

impl Account {
    /// What became of all who asked.
    fn headline(&self) -> String {
        let record = &self.measured.record;
        let (ok, requests) = (format::count(record.ok), format::count(record.requests));
        let gave_up = record.gave_up + record.unsent;
        let failed = record.failed() - gave_up;
        if record.requests == 0 {
            return "nothing was asked.".to_owned();
        }
        let times = || {
            let time = |share| format::found(Statistic::Quantile(share).of(&record.response));
            format!("half of them within {}, 99 of 100 within {}", time(0.5), time(0.99))
        };
        if (record.ok, record.requests) == (1, 1) {
            return format!(
                "the request was answered, within {}.",
                format::found(record.response.longest())
            );
        }
        if record.ok == record.requests {
            return format!("all {requests} requests were answered, {}.", times());
        }
        let mut text = match record.ok {
            0 => format!("none of {requests} requests was answered"),
            _ => format!(
                "{ok} of {requests} requests were answered ({})",
                format::share(record.ok, record.requests)
            ),
        };
        if gave_up > 0 {
            let patience = format::time(self.plan.patience);
            text.push_str(&format!("; {} gave up after {patience}", format::count(gave_up)));
        }
        if failed > 0 {
            text.push_str(&format!("; {} failed", format::count(failed)));
        }
        text.push('.');
        text
    }

    fn judged(&self) -> Vec<(Tone, String)> {
        let holds = self.verdict.iter().flatten().all(|judged| judged.holds);
        let tone = |index| match (index < self.doubts.len(), holds && self.doubts.is_empty()) {
            (true, _) => Tone::Void,
            (false, true) => Tone::Passed,
            (false, false) => Tone::Failed,
        };
        self.judgement().into_iter().enumerate().map(|(index, line)| (tone(index), line)).collect()
    }

    /// What is shown of what was measured, now or before.
    pub(crate) fn subject_of(&self, measured: &Measured) -> Subject {
        // As many as a drawing can show, and as anybody reads.
        const DRAWN: usize = 60;
        const LISTED: usize = 12;
        let record = &measured.record;
        Subject {
            name: measured.name.clone(),
            address: (measured.name != measured.url).then(|| measured.url.clone()),
            endings: record.endings(),
            rate: (record.ok_in_window > 0).then(|| record.rate()),
            response: record.response.clone(),
            service: self.is_open().then(|| record.service.clone()),
            taken: measured.taken,
            course: record.series.intervals(DRAWN),
            short_course: record.series.intervals(LISTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::results::Taken;
    use crate::report::account::tests::account;

    fn report(accounts: Vec<Account>) -> Page {
        Report { accounts, comparisons: Vec::new() }.page(&Circumstances::now())
    }

    fn sentences(page: &Page) -> Vec<(Tone, &str)> {
        page.verdict.iter().map(|sentence| (sentence.tone, sentence.text.as_str())).collect()
    }

    #[test]
    fn a_page_begins_with_what_became_of_all_who_asked_and_the_verdict() {
        let page = report(vec![account()]);
        let counts = "10 of 20 requests were answered (50.0 %); 9 gave up after 7.00 s; 1 failed.";
        let verdict = "failed: gave_up=0 (9 of 20), p95<5s (more than 7.00 s)";
        assert_eq!(sentences(&page), [(Tone::Plain, counts), (Tone::Failed, verdict)]);
    }

    #[test]
    fn that_it_is_void_is_said_first() {
        let mut void = account();
        void.doubts.push(crate::load::validity::Doubt::Little { in_work: 20.0, clients: 10 });
        let page = report(vec![void]);
        let tones: Vec<_> = page.verdict.iter().map(|sentence| sentence.tone).collect();
        assert_eq!(tones, [Tone::Void, Tone::Plain, Tone::Void, Tone::Failed]);
    }

    #[test]
    fn what_the_only_one_took_is_a_sentence_and_what_several_took_is_shown() {
        let started = || {
            let mut account = account();
            let cpu = std::time::Duration::from_millis(2);
            account.measured.took(Taken { cpu, requests: 20, memory_bytes: 32_000_000 });
            account
        };
        let sentence =
            "A request took 100 µs of CPU time, and all processes together 32.0 MB of memory.";
        let one = report(vec![started()]);
        assert_eq!(one.notes[0], sentence);
        let two = report(vec![started(), account()]);
        assert!(!two.notes.iter().any(|note| note == sentence), "{:?}", two.notes);
        assert!(two.html().contains("<td>32.0 MB</td>"));
    }

    #[test]
    fn what_is_said_of_all_is_said_once_with_their_names() {
        let notes = report(vec![account(), account()]).notes;
        let name = "http://localhost:8001/resource";
        let begin = format!("{name}, {name}: A time behind > is a lower bound");
        assert_eq!(notes.iter().filter(|note| note.starts_with(&begin)).count(), 1, "{notes:?}");
        assert_eq!(notes.iter().filter(|note| note.contains("lower bound")).count(), 1);
    }
}
