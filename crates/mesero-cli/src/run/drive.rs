//! The loop of a run: answers become results, and signals, halts and outages are heard.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use mesero::{Answers, Error, FailureKind, Item as Answered, Phase, Refusal};

use super::args::OnBadInput;
use super::halt::{Halt, Manner};
use super::input::{Item, Severity};
use super::intake::{Aside, Bad, Intake, News, Past, Turn};
use super::median::Median;
use super::progress::Progress;
use super::record::{Record, Status, Trouble, Value, Writer};
use super::sink::Sink;
use super::summary::{Summary, in_words};
use super::target::Target;
use crate::output::Output;
use crate::resource::Reply;
use crate::service::Service;
use crate::shutdown::{Signal, Signals};

/// What a run works with.
pub(super) struct Driver<'a> {
    pub(super) service: &'a Service,
    pub(super) target: &'a Target,
    pub(super) intake: Intake,
    pub(super) rules: Rules,
    pub(super) results: Sink,
    pub(super) writer: Writer,
    /// Items that failed, as an input.
    pub(super) failed: Option<Sink>,
    /// Results that came before their turn, where they are given in order.
    pub(super) early: Option<Early>,
    pub(super) summary: Summary,
    pub(super) progress: Progress,
    pub(super) output: &'a mut Output,
    pub(super) ending: Option<Ending>,
}

/// What was asked for, besides results.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) halt: Option<Halt>,
    pub(super) on_bad_input: OnBadInput,
    pub(super) median: Option<Median>,
    pub(super) verbose: bool,
}

/// Results that wait for those before them.
#[derive(Debug, Default)]
pub(super) struct Early {
    next: u64,
    records: BTreeMap<u64, Record>,
}

/// Why nothing more is taken in.
#[derive(Debug)]
pub(super) enum Ending {
    Signal(Signal),
    Halted,
    /// Results, or failed items, cannot be written any more.
    Unwritten(&'static str, io::Error),
    /// The input cannot be read on.
    Unread,
}

/// What the loop hears of.
enum Heard {
    Signal(Signal),
    /// None when there is nothing more to wait for.
    Answer(Option<Answered<Turn, Reply>>),
    Aside(Aside),
    Wrote(&'static str, io::Result<()>),
    Over,
}

impl Driver<'_> {
    /// Works until all items are done, or what is left is given up.
    pub(super) async fn run(&mut self, mut answers: Answers<Turn, Reply>, signals: &mut Signals) {
        let mut over = false;
        loop {
            match self.hear(&mut answers, signals, over).await {
                Heard::Signal(signal) => {
                    if matches!(self.ending, Some(Ending::Signal(_))) {
                        self.ending = Some(Ending::Signal(signal));
                        return self.service.dispatcher.stop();
                    }
                    self.interrupted(signal);
                }
                Heard::Answer(Some(answer)) => self.answered(answer),
                Heard::Answer(None) => {
                    over = true;
                    self.give_all();
                }
                Heard::Aside(aside) => self.aside(aside),
                Heard::Wrote(_, Ok(())) => {}
                Heard::Wrote(what, Err(error)) => self.unwritten(what, error),
                Heard::Over => break,
            }
        }
        for (what, sink) in [(RESULTS, Some(&mut self.results)), (FAILED, self.failed.as_mut())] {
            let Some(sink) = sink else { continue };
            tokio::select! {
                biased;
                closed = sink.close() => if let Err(error) = closed {
                    self.ending = Some(Ending::Unwritten(what, error));
                },
                // Whoever should read what is left does not.
                signal = signals.next() => self.ending = Some(Ending::Signal(signal)),
            }
        }
    }

    async fn hear(
        &mut self,
        answers: &mut Answers<Turn, Reply>,
        signals: &mut Signals,
        over: bool,
    ) -> Heard {
        let is_full = self.results.is_full() || self.failed.as_ref().is_some_and(Sink::is_full);
        let (intake, failed) = (&self.intake, self.failed.as_mut().filter(|sink| !sink.is_empty()));
        let has_results = !self.results.is_empty();
        let all_written = !has_results && failed.is_none();
        tokio::select! {
            biased;
            signal = signals.next() => Heard::Signal(signal),
            answer = answers.next(), if !over && !is_full => Heard::Answer(answer),
            // After the answers, whose look takes items in; so nobody has to be woken for it.
            aside = std::future::poll_fn(|_| intake.aside().map_or(Poll::Pending, Poll::Ready)), if !is_full => {
                Heard::Aside(aside)
            }
            // Only when nothing else is at hand, so that much at once is written at once.
            wrote = self.results.hand_over(), if has_results => Heard::Wrote(RESULTS, wrote),
            wrote = hand_over(failed), if !all_written => Heard::Wrote(FAILED, wrote),
            () = std::future::ready(()), if over && all_written => Heard::Over,
        }
    }

    fn answered(&mut self, answer: Answered<Turn, Reply>) {
        let Answered { input: mut turn, result, report, .. } = answer;
        let is_ending = self.ending.is_some();
        turn.past.attempts += report.attempts;
        turn.past.waited += report.waited;
        turn.past.ran += report.ran;
        let result = match result {
            Err(Error::Failed(failure)) if failure.kind() == FailureKind::Unreachable => {
                match self.intake.unreached(&turn) {
                    Some(News::Down) => {
                        return self.say(&format!(
                            "the target cannot be reached any more ({failure}); items wait until it can be again"
                        ));
                    }
                    Some(_) => return,
                    None => {}
                }
                Err(Error::Failed(failure))
            }
            // It did not fail: it was not wanted any more.
            Err(Error::Cancelled | Error::Shed | Error::Refused(Refusal::Draining))
                if is_ending =>
            {
                return self.intake.settled();
            }
            Err(
                error @ (Error::Cancelled
                | Error::Shed
                | Error::Refused(_)
                | Error::Expired { phase: Phase::Queued }),
            ) => {
                self.intake.settled();
                Err(error)
            }
            result => {
                if let News::Back(after) = self.intake.answered() {
                    self.say(&format!(
                        "the target can be reached again, after {}",
                        in_words(after)
                    ));
                }
                if result.is_ok()
                    && let Some(median) = &mut self.rules.median
                    && let Some(timeout) = median.learn(report.ran / report.attempts.max(1))
                {
                    self.service.dispatcher.set_timeout(Some(timeout));
                }
                result
            }
        };
        let result = result.map(Value::of).map_err(|error| Trouble::of(&error));
        self.done(turn.item, result, turn.past);
    }

    fn aside(&mut self, aside: Aside) {
        match aside {
            Aside::Expired(turn) => {
                let error = Error::Expired { phase: Phase::Backoff };
                self.done(turn.item, Err(Trouble::of(&error)), turn.past);
            }
            Aside::Bad(Bad { item, why }) => {
                self.say(&format!("item {} is passed over: {why}", item.index));
                self.done(item, Err(Trouble::of_input(&why)), Past::default());
                let (stops, ending) = match why.severity {
                    Severity::Input => (true, Ending::Unread),
                    Severity::Item => (self.rules.on_bad_input == OnBadInput::Halt, Ending::Halted),
                };
                if stops && self.ending.is_none() {
                    self.end(ending);
                }
            }
        }
    }

    /// An item has its result: it is counted, and given out as soon as it is its turn.
    fn done(&mut self, item: Arc<Item>, result: Result<Value, Trouble>, past: Past) {
        let Past { attempts, waited, ran, .. } = past;
        let record =
            Record { item, result, attempts, queued: waited, ran, ended: SystemTime::now() };
        self.summary.add(&record, self.service.dispatcher.limit());
        self.progress.show(&self.summary.counts);
        match &mut self.early {
            None => self.give(&record),
            Some(early) => {
                early.records.insert(record.item.index, record);
                while let Some(early) = &mut self.early
                    && let Some(record) = early.records.remove(&early.next)
                {
                    early.next += 1;
                    self.give(&record);
                }
            }
        }
        if let Some(halt) = self.rules.halt
            && self.ending.is_none()
            && halt.is_due(&self.summary.counts)
        {
            self.say(&format!("halted: {halt}"));
            self.end(Ending::Halted);
            if halt.manner == Manner::Now {
                self.service.dispatcher.stop();
            }
        }
    }

    /// What came early and waits for what will not come.
    fn give_all(&mut self) {
        let records = self.early.as_mut().map(|early| std::mem::take(&mut early.records));
        records.unwrap_or_default().values().for_each(|record| self.give(record));
    }

    fn give(&mut self, record: &Record) {
        self.intake.given();
        if let Some(line) = self.writer.line(record, self.target) {
            self.results.line(&line);
        }
        if let Some(failed) = &mut self.failed
            && !matches!(record.status(), Status::Succeeded | Status::BadInput)
        {
            failed.line(&record.item.input.json());
        }
        if self.rules.verbose {
            let (index, words) = (record.item.index, record.in_words());
            let visible: String =
                words.chars().take(100).flat_map(crate::output::visible).collect();
            self.output.say(&format!("#{index} {visible} {:.2}s", record.ran.as_secs_f64()));
        }
    }

    fn interrupted(&mut self, signal: Signal) {
        self.end(Ending::Signal(signal));
        let running = self.service.dispatcher.stats().slots.in_use;
        self.say(&format!(
            "{signal}: finishing the {running} items in work; once more stops them too"
        ));
    }

    fn unwritten(&mut self, what: &'static str, error: io::Error) {
        self.service.dispatcher.stop();
        self.end(Ending::Unwritten(what, error));
    }

    /// Takes nothing more in, and gives back what has not begun.
    fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
        self.intake.stop();
        let dispatcher = &self.service.dispatcher;
        dispatcher.drain();
        for job in dispatcher.jobs() {
            if job.phase == Phase::Queued && job.attempts == 0 {
                dispatcher.cancel(job.info.id);
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.progress.aside(|| self.output.say(&format!("mesero: {text}")));
    }
}

const RESULTS: &str = "the results";
const FAILED: &str = "the items that failed";

async fn hand_over(sink: Option<&mut Sink>) -> io::Result<()> {
    match sink {
        Some(sink) => sink.hand_over().await,
        None => std::future::pending().await,
    }
}
