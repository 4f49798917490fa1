//! The loop of a run: answers become results, and signals, halts and outages are heard.

use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use futures_util::FutureExt;
use mesero::{Answers, Error, FailureKind, Item as Answered, Phase, Refusal};

use super::args::OnBadInput;
use super::give::Early;
use super::halt::{Halt, Manner};
use super::input::{Item, Severity};
use super::intake::{Aside, Bad, Intake, News, Past, Turn};
use super::journal::{Keeping, Kept};
use super::median::Median;
use super::progress::Progress;
use super::record::{Record, Traffic, Trouble, Value, Writer};
use super::sink::Sink;
use super::summary::{Summary, in_words};
use crate::output::Output;
use crate::resource::Reply;
use crate::service::Service;
use crate::shutdown::{Signal, Signals};
use crate::target::Target;

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
    /// Results that the journal does not have yet, where there is one.
    pub(super) keeping: Option<Keeping>,
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

/// Why nothing more is taken in.
#[derive(Debug)]
pub(super) enum Ending {
    Signal(Signal),
    Halted,
    /// Results, or failed items, cannot be written any more.
    Unwritten(&'static str, io::Error),
    /// The input, or the journal's earlier part, cannot be read on.
    Unread,
}

/// What the loop hears of.
enum Heard {
    Signal(Signal),
    /// None when there is nothing more to wait for.
    Answer(Option<Answered<Turn, Reply>>),
    Aside(Aside),
    Wrote(&'static str, io::Result<()>),
    /// The journal has more of the results.
    Synced(io::Result<()>),
    /// There is room for a result that the journal has.
    Kept,
    Over,
}

/// How many answers are taken between two looks at everything else: few enough for a signal not to wait.
const AT_ONCE: usize = 64;

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
                Heard::Answer(Some(answer)) => {
                    self.answered(answer);
                    self.at_hand(&mut answers);
                }
                Heard::Answer(None) => over = true,
                Heard::Aside(aside) => self.aside(aside),
                Heard::Wrote(_, Ok(())) => {}
                Heard::Wrote(what, Err(error)) => self.unwritten(what, error),
                Heard::Synced(Ok(())) => {}
                Heard::Kept => self.kept(),
                Heard::Synced(Err(error)) => self.unwritten(JOURNAL, error),
                Heard::Over if self.has_early() => self.give_all(),
                Heard::Over => break,
            }
        }
        if let Some(keeping) = self.keeping.as_ref().filter(|keeping| !keeping.is_broken()) {
            // Starts that were taken back, after which nothing ended.
            tokio::select! {
                biased;
                settled = keeping.journal.settle() => if let Err(error) = settled {
                    let error = io::Error::new(error.kind(), error.to_string());
                    self.ending = Some(Ending::Unwritten(JOURNAL, error));
                },
                signal = signals.next() => self.ending = Some(Ending::Signal(signal)),
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
        let (no_room, is_full) = (self.has_no_room(), self.is_full());
        let has_kept = self.keeping.as_ref().is_some_and(Keeping::has_kept);
        let all_kept = self.keeping.as_ref().is_none_or(Keeping::is_empty);
        let keeps = self.keeping.is_some();
        let (intake, failed) = (&self.intake, self.failed.as_mut().filter(|sink| !sink.is_empty()));
        let has_results = !self.results.is_empty();
        let all_written = !has_results && failed.is_none();
        tokio::select! {
            biased;
            signal = signals.next() => Heard::Signal(signal),
            synced = synced(self.keeping.as_mut()), if keeps => Heard::Synced(synced),
            () = std::future::ready(()), if has_kept && !no_room => Heard::Kept,
            answer = answers.next(), if !over && !is_full => Heard::Answer(answer),
            // After the answers, whose look takes items in; so nobody has to be woken for it.
            aside = std::future::poll_fn(|_| intake.aside().map_or(Poll::Pending, Poll::Ready)), if !is_full && !no_room => {
                Heard::Aside(aside)
            }
            // Only when nothing else is at hand, so that much at once is written at once.
            wrote = self.results.hand_over(), if has_results => Heard::Wrote(RESULTS, wrote),
            wrote = hand_over(failed), if !all_written => Heard::Wrote(FAILED, wrote),
            () = std::future::ready(()), if over && all_kept && all_written => Heard::Over,
        }
    }

    /// Takes what else is at hand, so that signals, clocks and outputs are looked at once for much at once.
    fn at_hand(&mut self, answers: &mut Answers<Turn, Reply>) {
        for _ in 0..AT_ONCE {
            if self.is_full() {
                return;
            }
            // What would wake nobody here is asked again before anybody waits.
            let Some(Some(answer)) = answers.next().now_or_never() else { return };
            self.answered(answer);
        }
    }

    fn has_no_room(&self) -> bool {
        self.results.is_full() || self.failed.as_ref().is_some_and(Sink::is_full)
    }

    fn is_full(&self) -> bool {
        // Also while nobody reads the results, what is done reaches the journal.
        self.keeping.as_ref().map_or_else(|| self.has_no_room(), Keeping::is_full)
    }

    fn answered(&mut self, answer: Answered<Turn, Reply>) {
        let Answered { input: mut turn, result, report, .. } = answer;
        let is_ending = self.ending.is_some();
        turn.past.attempts += report.attempts;
        turn.past.waited += report.waited;
        turn.past.ran += report.ran;
        let traffic = match report.attempts {
            0 => Traffic::default(),
            _ => Traffic::of(&turn.order.body, &result),
        };
        if self.keeping.as_ref().is_some_and(Keeping::is_broken) {
            // Whatever came of it, it cannot be kept.
            return self.intake.settled();
        }
        let result = match result {
            // Where every item has a server of its own, one that is away says nothing of the others.
            Err(Error::Failed(failure))
                if failure.kind() == FailureKind::Unreachable && !self.target.roams() =>
            {
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
        self.done(Record { traffic, ..record(turn.item, result, turn.past) });
    }

    fn aside(&mut self, aside: Aside) {
        match aside {
            Aside::Expired(turn) => {
                let error = Error::Expired { phase: Phase::Backoff };
                let Turn { item, past, .. } = *turn;
                self.done(record(item, Err(Trouble::of(&error)), past));
            }
            Aside::Done(item, at) => self.done_before(item, at),
            Aside::Unknown(item) => {
                self.earlier(record(item, Err(Trouble::unknown()), Past::default()));
            }
            Aside::Bad(Bad { item, why }) => {
                self.say(&format!("item {} is passed over: {why}", item.index));
                let result = Err(Trouble::of_input(&why));
                match why.severity {
                    Severity::Item => self.done(record(item, result, Past::default())),
                    // It is no item that a later run could know again.
                    Severity::Input => self.count(record(item, result, Past::default())),
                }
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

    /// An item has its result, which counts as soon as the journal has it.
    fn done(&mut self, record: Record) {
        match &mut self.keeping {
            None => self.count(record),
            Some(keeping) => keeping.add(record),
        }
    }

    fn kept(&mut self) {
        if let Some(record) = self.keeping.as_mut().and_then(Keeping::next) {
            self.count(record);
        }
    }

    /// An earlier run did an item: its result is given out again, in its place.
    fn done_before(&mut self, item: Arc<Item>, at: u64) {
        let Some(keeping) = &self.keeping else { return };
        match keeping.kept(at) {
            Ok(kept) => {
                if kept.input != item.input.json() {
                    self.say(&format!(
                        "item {} has the id `{}`, under which the journal has another input; it counts as done",
                        item.index, item.id
                    ));
                }
                let Kept { result, attempts, queued, ran, traffic, ended, .. } = kept;
                self.earlier(Record { item, result, attempts, queued, ran, traffic, ended });
            }
            Err(why) => {
                self.say(&format!("failed to {why}"));
                if self.ending.is_none() {
                    self.end(Ending::Unread);
                }
            }
        }
    }

    /// What an earlier run left of an item counts, and is given out as soon as it is its turn.
    fn earlier(&mut self, record: Record) {
        self.summary.add_earlier(record.status());
        self.progress.show(&self.summary.counts);
        self.in_turn(record);
    }

    /// A result counts, and is given out as soon as it is its turn.
    fn count(&mut self, record: Record) {
        self.summary.add(&record, self.service.dispatcher.limit());
        self.progress.show(&self.summary.counts);
        self.in_turn(record);
        if let Some(halt) = self.rules.halt
            && self.ending.is_none()
            && halt.is_due(&self.summary.fresh())
        {
            self.say(&format!("halted: {halt}"));
            self.end(Ending::Halted);
            if halt.manner == Manner::Now {
                self.service.dispatcher.stop();
            }
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
        // What is in work can still be kept, unless it is the journal that cannot.
        if what == JOURNAL || self.keeping.is_none() {
            self.service.dispatcher.stop();
        }
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

fn record(item: Arc<Item>, result: Result<Value, Trouble>, past: Past) -> Record {
    let Past { attempts, waited: queued, ran, .. } = past;
    let traffic = Traffic::default();
    Record { item, result, attempts, queued, ran, traffic, ended: SystemTime::now() }
}

const JOURNAL: &str = "the journal";
const RESULTS: &str = "the results";
const FAILED: &str = "the items that failed";

async fn synced(keeping: Option<&mut Keeping>) -> io::Result<()> {
    match keeping {
        Some(keeping) => keeping.hear().await,
        None => std::future::pending().await,
    }
}

async fn hand_over(sink: Option<&mut Sink>) -> io::Result<()> {
    match sink {
        Some(sink) => sink.hand_over().await,
        None => std::future::pending().await,
    }
}
