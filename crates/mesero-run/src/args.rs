//! The flags of `mesero run`.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use mesero_config::PolicyFlags;
use mesero_target::{BodyOption, RequestFlags, TargetArgs, TargetOptions};
use mesero_terminal::whole::whole;

use crate::driver::halt::HaltRule;
use crate::driver::retry::RetryOn;
use crate::driver::timeout::TimeoutSetting;
use crate::input::reader::InputFormat;
use crate::journal::JournalMode;

/// What `mesero run` is told.
#[derive(Debug, Args)]
#[command(
    override_usage = "mesero run [OPTIONS] TARGET [INPUT]...\n       mesero run [OPTIONS] [INPUT]... -- COMMAND [ARG]...",
    after_help = "An INPUT is an item, or a range such as 0..1000. Without INPUT, -n and --input, items are the lines of \
standard input.\n{} stands for an item, {name} for its field; the item is the last argument of a COMMAND without either."
)]
pub struct RunArgs {
    /// A URL with places, python:MODULE:FUNCTION, @NAME of a resource in a configuration, or stub:
    #[arg(value_name = "TARGET [INPUT]")]
    pub(crate) words: Vec<String>,
    /// A command, run once for each item
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Read items from this file; - is standard input
    #[arg(long, short, value_name = "FILE", help_heading = "Input")]
    pub(crate) input: Option<PathBuf>,
    /// How the input is written [default: by the file's name, else lines]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub(crate) format_in: Option<InputFormat>,
    /// Call N times; items are the numbers from 0
    #[arg(short = 'n', value_name = "N", value_parser = whole::<NonZeroU64>, help_heading = "Input", conflicts_with = "input")]
    pub(crate) times: Option<NonZeroU64>,
    /// The field by which an item is known again
    #[arg(long, value_name = "FIELD", default_value = "id", help_heading = "Input")]
    pub(crate) id: String,
    /// What to do about an item that cannot be read or lacks a field
    #[arg(long, value_name = "WHAT", default_value = "skip", help_heading = "Input")]
    pub(crate) on_bad_input: OnBadInput,

    #[command(flatten)]
    pub(crate) request: HttpRequestArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Wait for a target that cannot be reached, even if it never could; Ctrl-C gives up
    #[arg(long, help_heading = "Target")]
    pub(crate) wait_for_target: bool,
    #[command(flatten)]
    pub(crate) policies: PolicyArgs,
    #[command(flatten)]
    pub(crate) out: OutputArgs,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// How requests are made.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP requests")]
pub(crate) struct HttpRequestArgs {
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header, 'NAME: VALUE'; may be repeated, and have places
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body, which may have places; @FILE reads it from a file, without its line ends
    #[arg(short, long, value_name = "BODY", group = "body")]
    pub(crate) data: Option<String>,
    /// The body, also if it begins with @
    #[arg(long, value_name = "BODY", group = "body")]
    pub(crate) data_raw: Option<String>,
    /// The body; @FILE reads it from a file as it is
    #[arg(long, value_name = "BODY", group = "body")]
    pub(crate) data_binary: Option<String>,
    /// The body as JSON, or @FILE: what is put into it stays JSON
    #[arg(long, value_name = "JSON", group = "body")]
    pub(crate) json: Option<String>,
}

/// How much at once, how long, and how often.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct PolicyArgs {
    /// Items in work at once [default: 10, for a command the processors, for a function its threads]
    #[arg(long, short = 'l', value_name = "N")]
    limit: Option<String>,
    /// Items admitted in a time, such as 100/s
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Items that may wait for their turn, or off [default: 1000]
    #[arg(long, value_name = "N")]
    queue: Option<String>,
    /// How long one attempt may take: 7s, or 3x for three times the running median, or off
    #[arg(long, short = 't', value_name = "DURATION")]
    timeout: Option<TimeoutSetting>,
    /// How long an item may take in all, or off
    #[arg(long, value_name = "DURATION")]
    deadline: Option<String>,
    /// How often an item is tried again
    #[arg(long, value_name = "N")]
    retry: Option<String>,
    /// Try these again too, besides what the target refuses for now: statuses, lost, raised; separated by commas
    #[arg(long, value_name = "WHAT", requires = "retry")]
    pub(crate) retry_on: Option<RetryOn>,
    /// Retries that each item earns for all together [default: 0.2]
    #[arg(long, value_name = "SHARE", requires = "retry")]
    retry_budget: Option<String>,
    /// Let equal items in work share one call
    #[arg(long)]
    coalesce: bool,
    /// Stop early: [now|soon,]fail|success|done=N or N%; such as fail=5%
    #[arg(long, value_name = "WHEN")]
    pub(crate) halt: Option<HaltRule>,
    /// Serve jobs, metrics and the limit here while it runs, for `mesero jobs`
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) control: Option<String>,
}

/// What comes out, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Give results in the order of the input
    #[arg(long)]
    pub(crate) ordered: bool,
    /// Print the values of items that succeeded, and nothing else
    #[arg(long, conflicts_with = "form")]
    pub(crate) values: bool,
    /// How results are written
    #[arg(id = "form", long = "format", value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) form: RecordFormat,
    /// Write the items that failed to this file, which is itself an input
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "failed.jsonl", require_equals = true)]
    pub(crate) failed: Option<PathBuf>,
    /// Write a line for each item to standard error
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// No summary and no progress
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// What is kept of a run, so that it can be gone on with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct JournalArgs {
    /// Keep what began and what ended in this new file, for --resume and --retry-failed
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Go on with the run of this journal: give the same TARGET and INPUT; results are those of all items, also of the
    /// ones that were done before
    #[arg(long, value_name = "FILE", conflicts_with = "journal")]
    resume: Option<PathBuf>,
    /// Run the items of this journal again that failed: give the same TARGET, and no INPUT
    #[arg(long, value_name = "FILE", conflicts_with_all = ["journal", "resume", "input", "times"])]
    retry_failed: Option<PathBuf>,
    /// Run items again that had begun and of which nobody knows what came: running them twice does no harm
    #[arg(long, requires = "resume")]
    pub(crate) idempotent: bool,
}

impl JournalArgs {
    /// The journal, and what it is for.
    pub(super) fn path_and_mode(&self) -> Option<(&Path, JournalMode)> {
        let Self { journal, resume, retry_failed, .. } = self;
        [
            (journal, JournalMode::New),
            (resume, JournalMode::Resume),
            (retry_failed, JournalMode::RetryFailed),
        ]
        .into_iter()
        .find_map(|(path, mode)| Some((path.as_deref()?, mode)))
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// A JSON object a line
    Jsonl,
    /// Comma-separated values under a header
    Csv,
    /// Values separated by tabs, under a header
    Tsv,
    /// The job log of GNU parallel
    Joblog,
    /// Values alone
    #[value(skip)]
    Values,
}

/// What an item that cannot be read means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBadInput {
    /// Nothing: it counts as failed
    Skip,
    /// Nothing more is begun
    Halt,
}

impl RunArgs {
    /// What is said of the target.
    pub(super) fn target_options(&self) -> TargetOptions<'_> {
        let HttpRequestArgs { method, headers, .. } = &self.request;
        TargetOptions {
            word: self.words.first().filter(|_| self.command.is_empty()).map(String::as_str),
            command: &self.command,
            is_repetition: self.times.is_some(),
            request: RequestFlags { method: method.as_deref(), headers, body: self.request.body() },
            target: &self.target,
            policy: self.policy(),
        }
    }

    /// The items among the words.
    pub(super) fn inline_items(&self) -> &[String] {
        match self.command.is_empty() {
            true => self.words.get(1..).unwrap_or_default(),
            false => &self.words,
        }
    }

    fn policy(&self) -> PolicyFlags {
        let PolicyArgs {
            limit, rate, queue, timeout, deadline, retry, retry_budget, coalesce, ..
        } = &self.policies;
        PolicyFlags {
            limit: limit.clone(),
            queue: queue.clone(),
            timeout: timeout.as_ref().and_then(TimeoutSetting::fixed),
            deadline: deadline.clone(),
            rate: rate.clone(),
            retries: retry.clone(),
            budget: retry_budget.clone(),
            coalesce: *coalesce,
        }
    }

    /// How many times the running median an attempt may take.
    pub(super) fn median_factor(&self) -> Option<f64> {
        self.policies.timeout.as_ref().and_then(TimeoutSetting::factor)
    }

    pub(super) fn form(&self) -> RecordFormat {
        if self.out.values { RecordFormat::Values } else { self.out.form }
    }
}

impl HttpRequestArgs {
    /// Of these flags there is one at most.
    fn body(&self) -> BodyOption<'_> {
        let Self { data, data_raw, data_binary, json, .. } = self;
        let given = data.as_deref().map(BodyOption::Data);
        let given = given.or(data_raw.as_deref().map(BodyOption::Raw));
        let given = given.or(data_binary.as_deref().map(BodyOption::Binary));
        given.or(json.as_deref().map(BodyOption::Json)).unwrap_or(BodyOption::Nothing)
    }
}
