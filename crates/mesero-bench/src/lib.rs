//! `mesero bench`: a load generator for URLs, Python functions and commands, with comparison, baselines and capacity.

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
use baseline::atomic_file::AtomicFile;
use baseline::environment::Environment;
use baseline::terms::MeasurementTerms;
use baseline::writer::BaselineWriter;
use baseline::{Baseline, BaselineComparison, CurrentTarget};
use comparison::Comparison;
use comparison::ratio::Pairing;
use comparison::results::TargetResults;
use comparison::rounds::{ComparisonRun, RunResults};
pub use error::BenchError;
use load::descriptors::raise_file_limit;
use load::validity;
use plan::Load;
use report::verdict::{self, References};
use report::{BenchReport, TargetReport};
use target::launcher::TargetLauncher;
use target::named::NamedTarget;
use thresholds::Thresholds;

/// Runs the load, prints the results, writes the files that were asked for, and judges the thresholds.
///
/// Dropped, it closes all connections and kills the targets that it has launched.
///
/// # Errors
/// If the load cannot be run, or a file cannot be read or written.
pub async fn run(args: BenchArgs, output: &mut Output) -> Result<Exit, BenchError> {
    if args.suggest {
        return capacity::run(&args, output).await;
    }
    let plan = args.plan();
    let terms = MeasurementTerms::new(&plan, &args);
    // All files are opened before the load, which may take minutes, so that a wrong path fails at once.
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let page = args.html.as_deref().map(AtomicFile::prepare).transpose()?;
    let writer = args.save.as_deref();
    let writer = writer.map(|path| BaselineWriter::prepare(path, args.baseline.as_deref()));
    let writer = writer.transpose()?;
    raise_file_limit(plan.connections())?;
    let targets = NamedTarget::all(&args).await.map_err(BenchError::Target)?;
    check_references(&args, targets.len())?;
    let baseline_results = match &baseline {
        Some(baseline) => baseline.results_for(&current_targets(&targets), &terms)?,
        None => Vec::new(),
    };
    let launcher = if targets.iter().any(|target| target.start.is_some()) {
        Some(TargetLauncher::new(args.launch.start_timeout).map_err(BenchError::Io)?)
    } else {
        None
    };
    let compares_responses = targets.len() > 1 && !args.ignore_answers;
    let comparison_run = ComparisonRun { plan, targets, launcher, compares_responses };
    let RunResults { results, signal } = comparison_run.run().await?;
    if signal.is_none() {
        for target in &comparison_run.targets {
            target.stop().await;
        }
    }
    let load = comparison_run.plan.load;
    let comparisons = compared_with_first(&results, &load);
    let mut baseline_results = baseline_results.into_iter();
    let comparisons_by_target = std::iter::once(None).chain(comparisons.iter().map(Some));
    let target_report = |(results, comparison): (TargetResults, Option<&Comparison>)| {
        let earlier = baseline_results.next().zip(baseline.as_ref());
        let earlier = earlier.map(|(earlier, baseline)| {
            BaselineComparison::new(&results, earlier, &load, baseline.origin(&terms))
        });
        // With a baseline, thresholds such as `p99<=1.1x` compare with it and not with the first target.
        let figures = earlier.as_ref().map(|earlier| &earlier.comparison).or(comparison);
        let references = References { figures, responses: comparison };
        let judge =
            |thresholds: &Thresholds| verdict::judge(thresholds, &results.record, references);
        TargetReport {
            issues: validity::check(&results.record, &comparison_run.plan),
            verdict: args.expect.as_ref().map(judge),
            is_interrupted: signal.is_some(),
            plan: comparison_run.plan.clone(),
            results,
            baseline: earlier,
        }
    };
    let target_reports = results.into_iter().zip(comparisons_by_target).map(target_report);
    let report = BenchReport { target_reports: target_reports.collect(), comparisons };
    let text = match (args.json, args.markdown) {
        (true, _) => report.json(),
        (_, true) => report.markdown(),
        _ => report.text(),
    };
    output.line(text.trim_end()).map_err(BenchError::Io)?;
    let environment = Environment::now();
    if let Some(page) = page {
        page.write(&report.html(&environment))?;
    }
    // In the text the verdict is the last paragraph; JSON and Markdown may go to a program, so it is printed as well.
    if args.json || args.markdown {
        report.judgement().iter().for_each(|line| output.say(line));
    }
    if let Some(writer) = writer {
        let current = current_targets(&comparison_run.targets);
        let file = report.baseline_file(&current, terms, environment);
        if let Some(notice) = writer.write(&file, report.objection_to_replacing())? {
            output.say(&notice);
        }
    }
    Ok(signal.map_or_else(|| report.exit(), Signal::exit))
}

/// Compares each target but the first with the first.
fn compared_with_first(results: &[TargetResults], load: &Load) -> Vec<Comparison> {
    let [reference, others @ ..] = results else { return Vec::new() };
    let compare = |other| Comparison::of(other, reference, load, Pairing::Rounds);
    others.iter().map(compare).collect()
}

/// The names by which targets are looked up in a baseline, and how each is reached.
fn current_targets(targets: &[NamedTarget]) -> Vec<CurrentTarget<'_>> {
    targets
        .iter()
        .map(|target| CurrentTarget { name: &target.name, access: target.access() })
        .collect()
}

/// Rejects thresholds that compare with another target where there is none.
fn check_references(args: &BenchArgs, targets: usize) -> Result<(), BenchError> {
    let Some(thresholds) = args.expect.as_ref().filter(|_| targets == 1) else { return Ok(()) };
    let relative = thresholds.relative().filter(|_| args.baseline.is_none());
    match (relative, thresholds.of_responses()) {
        (Some(text), _) => Err(BenchError::NoReference(text.to_owned())),
        (None, Some(text)) => Err(BenchError::NoOtherResponses(text.to_owned())),
        (None, None) => Ok(()),
    }
}
