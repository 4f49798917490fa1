//! `mesero bench`: measures a service, and says the truth about it.

#![forbid(unsafe_code)]

use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signal;

mod args;
mod baseline;
mod capacity;
mod client;
mod comparison;
mod error;
mod load;
mod plan;
mod report;
mod stats;
mod target;
mod thresholds;

pub use args::BenchArgs;
use baseline::atomic_file::WholeFile;
use baseline::environment::Circumstances;
use baseline::terms::Terms;
use baseline::writer::Saving;
use baseline::{Baseline, Now, Then};
use comparison::Comparison;
use comparison::ratio::Pairing;
use comparison::results::Measured;
use comparison::rounds::{Contest, Ended};
pub use error::BenchError;
use load::descriptors::allow_connections;
use load::validity;
use report::verdict::{self, Beside};
use report::{Account, Report};
use target::launcher::Starter;
use target::named::Contestant;

/// Measures, prints what was measured, and judges it.
///
/// # Errors
/// Why nothing could be measured.
pub async fn run(args: BenchArgs, output: &mut Output) -> Result<Exit, BenchError> {
    if args.suggest {
        return capacity::run(&args, output).await;
    }
    let plan = args.plan();
    let terms = Terms::new(&plan, &args);
    // Before anybody waits for what could not be compared, or not be kept.
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let page = args.html.as_deref().map(WholeFile::prepare).transpose()?;
    let saving = args.save.as_deref().map(|path| Saving::prepare(path, args.baseline.as_deref()));
    let saving = saving.transpose()?;
    allow_connections(plan.connections())?;
    let contestants = Contestant::all(&args).await.map_err(BenchError::Contestant)?;
    has_whom_to_compare_with(&args, contestants.len())?;
    let mut thens = match &baseline {
        Some(baseline) => baseline.of(&now(&contestants), &terms)?,
        None => Vec::new(),
    }
    .into_iter();
    let starter = match contestants.iter().any(|contestant| contestant.start.is_some()) {
        true => Some(Starter::new(args.starts.start_timeout).map_err(BenchError::Io)?),
        false => None,
    };
    let compares_answers = contestants.len() > 1 && !args.ignore_answers;
    let contest = Contest { plan, contestants, starter, compares_answers };
    let Ended { measured, signal } = contest.run().await?;
    if signal.is_none() {
        for contestant in &contest.contestants {
            contestant.stop().await;
        }
    }
    let comparisons: Vec<_> = match &measured[..] {
        [reference, others @ ..] => {
            let of = |other| Comparison::of(other, reference, &contest.plan.load, Pairing::Rounds);
            others.iter().map(of).collect()
        }
        [] => Vec::new(),
    };
    let beside = std::iter::once(None).chain(comparisons.iter().map(Some));
    let account = |(measured, beside): (Measured, Option<&Comparison>)| {
        let then = thens.next().zip(baseline.as_ref()).map(|(then, baseline)| {
            Then::new(&measured, then, &contest.plan.load, baseline.origin(&terms))
        });
        // Who has a past is compared with that.
        let figures = then.as_ref().map(|then| &then.comparison).or(beside);
        let beside = Beside { figures, answers: beside };
        Account {
            doubts: validity::about(&measured.record, &contest.plan),
            verdict: args
                .expect
                .as_ref()
                .map(|expected| verdict::judge(expected, &measured.record, beside)),
            is_interrupted: signal.is_some(),
            plan: contest.plan.clone(),
            measured,
            then,
        }
    };
    let accounts = measured.into_iter().zip(beside).map(account).collect();
    let report = Report { accounts, comparisons };
    let text = match (args.json, args.markdown) {
        (true, _) => report.json(),
        (_, true) => report.markdown(),
        _ => report.text(),
    };
    output.line(text.trim_end()).map_err(BenchError::Io)?;
    let circumstances = Circumstances::now();
    if let Some(page) = page {
        page.write(&report.html(&circumstances))?;
    }
    // Whoever reads data with a program sees the verdict too.
    if args.json || args.markdown {
        report.judgement().iter().for_each(|line| output.say(line));
    }
    if let Some(saving) = saving {
        let saved = report.saved(&now(&contest.contestants), terms, circumstances);
        if let Some(why) = saving.keep(&saved, report.objection_to_replacing())? {
            output.say(&why);
        }
    }
    Ok(signal.map_or_else(|| report.exit(), Signal::exit))
}

/// Those who are measured, as who reads a baseline has to know them.
fn now(contestants: &[Contestant]) -> Vec<Now<'_>> {
    contestants.iter().map(|one| Now { name: &one.name, way: one.way() }).collect()
}

fn has_whom_to_compare_with(args: &BenchArgs, targets: usize) -> Result<(), BenchError> {
    let Some(expected) = args.expect.as_ref().filter(|_| targets == 1) else { return Ok(()) };
    let relative = expected.relative().filter(|_| args.baseline.is_none());
    match (relative, expected.of_answers()) {
        (Some(text), _) => Err(BenchError::NobodyBeside(text.to_owned())),
        (None, Some(text)) => Err(BenchError::NoOtherAnswers(text.to_owned())),
        (None, None) => Ok(()),
    }
}
