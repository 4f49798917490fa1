//! The loop of a run: answers become results, and signals, halts and outages are heard.

mod answered;
mod conclude;
mod counted;
pub(crate) mod halt;
pub(crate) mod retry;
pub(crate) mod timeout;

use std::io;
use std::task::Poll;

use futures_util::FutureExt;
use mesero::{Answers, BatchAnswer as Answered, Phase};
use mesero_resources::Reply;
use mesero_services::service::Service;
use mesero_target::Target;
use mesero_terminal::counted::counted;
use mesero_terminal::output::Output;
use mesero_terminal::signals::{Signal, Signals};

use crate::args::OnBadInput;
use crate::driver::halt::Halt;
use crate::driver::timeout::Median;
use crate::journal::Keeping;
use crate::output::format::Writer;
use crate::output::progress::Progress;
use crate::output::reorder_buffer::Early;
use crate::output::sink::Sink;
use crate::output::summary::Summary;
use crate::scheduler::{Aside, Intake, Turn};

/// What a run works with.
pub(crate) struct Driver<'a> {
    pub(crate) service: &'a Service,
    pub(crate) target: &'a Target,
    pub(crate) intake: Intake,
    pub(crate) rules: Rules,
    pub(crate) results: Sink,
    pub(crate) writer: Writer,
    /// Items that failed, as an input.
    pub(crate) failed: Option<Sink>,
    /// Results that the journal does not have yet, where there is one.
    pub(crate) keeping: Option<Keeping>,
    /// Results that came before their turn, where they are given in order.
    pub(crate) early: Option<Early>,
    pub(crate) summary: Summary,
    pub(crate) progress: Progress,
    pub(crate) output: &'a mut Output,
    pub(crate) ending: Option<Ending>,
}

/// What was asked for, besides results.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) halt: Option<Halt>,
    pub(crate) on_bad_input: OnBadInput,
    pub(crate) median: Option<Median>,
    pub(crate) verbose: bool,
}

/// Why nothing more is taken in.
#[derive(Debug)]
pub(crate) enum Ending {
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
    pub(crate) async fn run(&mut self, mut answers: Answers<Turn, Reply>, signals: &mut Signals) {
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
                Heard::Wrote(_, Ok(())) | Heard::Synced(Ok(())) => {}
                Heard::Wrote(what, Err(error)) => self.unwritten(what, error),
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

    fn interrupted(&mut self, signal: Signal) {
        self.end(Ending::Signal(signal));
        let items = counted(self.service.dispatcher.stats().slots.in_use, "item", "items");
        self.say(&format!("{signal}: finishing the {items} in work; once more stops at once"));
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
