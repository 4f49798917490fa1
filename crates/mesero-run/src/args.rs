//! The flags of `mesero run`.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::Args;
use mesero_config::PolicyFlags;
use mesero_target::{BodyOption, RequestFlags, TargetArgs, TargetOptions};
use mesero_terminal::units::parse_positive;

use crate::driver::OnBadInput;
use crate::driver::halt::HaltRule;
use crate::driver::retry::RetryOn;
use crate::driver::timeout::TimeoutSetting;
use crate::input::feed::InputSource;
use crate::input::format::InputFormat;
use crate::journal::JournalMode;
use crate::output::format::RecordFormat;

/// The command line of `mesero run`.
#[derive(Debug, Args)]
#[command(
    override_usage = "mesero run [OPTIONS] TARGET [INPUT]...\n       mesero run [OPTIONS] [INPUT]... -- COMMAND [ARG]...",
    after_help = "An INPUT is an item, or a range such as 0..1000. Without INPUT, -n and --input, items are the lines of \
standard input.\n{} is a placeholder for the item, {name} for a field of it. A COMMAND without placeholders gets the \
item as its last argument."
)]
pub struct RunArgs {
    /// A URL with placeholders, python:MODULE:FUNCTION, @NAME of a resource in a configuration, or stub:
    #[arg(value_name = "TARGET [INPUT]")]
    pub(crate) words: Vec<String>,
    /// A command, run once for each item
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Read items from this file; - is standard input
    #[arg(long, short, value_name = "FILE", help_heading = "Input")]
    pub(crate) input: Option<PathBuf>,
    /// The format of the input [default: by the file's extension, otherwise lines]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub(crate) format_in: Option<InputFormat>,
    /// Make N calls; the items are the numbers from 0
    #[arg(short = 'n', value_name = "N", value_parser = parse_positive::<NonZeroU64>, help_heading = "Input", conflicts_with = "input")]
    pub(crate) times: Option<NonZeroU64>,
    /// The field that identifies an item in the journal
    #[arg(long, value_name = "FIELD", default_value = "id", help_heading = "Input")]
    pub(crate) id: String,
    /// The reaction to an entry that is not an item or lacks a field
    #[arg(long, value_name = "REACTION", default_value = "skip", help_heading = "Input")]
    pub(crate) on_bad_input: OnBadInput,

    #[command(flatten)]
    pub(crate) request: HttpRequestArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Wait for an unreachable target even if it was never reached
    #[arg(long, help_heading = "Target")]
    pub(crate) wait_for_target: bool,
    #[command(flatten)]
    pub(crate) policies: RunPolicyArgs,
    #[command(flatten)]
    pub(crate) out: OutputArgs,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// The options of HTTP requests.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP requests")]
pub(crate) struct HttpRequestArgs {
    /// The request method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header, 'NAME: VALUE', which may contain placeholders; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body, which may contain placeholders; @FILE reads it from a file, without line ends
    #[arg(short, long, value_name = "BODY", group = "body")]
    pub(crate) data: Option<String>,
    /// The body, even if it begins with @
    #[arg(long, value_name = "BODY", group = "body")]
    pub(crate) data_raw: Option<String>,
    /// The body; @FILE reads it from a file, unchanged
    #[arg(long, value_name = "BODY", group = "body")]
    pub(crate) data_binary: Option<String>,
    /// The body as JSON, or @FILE; values are inserted as JSON
    #[arg(long, value_name = "JSON", group = "body")]
    pub(crate) json: Option<String>,
}

/// Limits, timeouts, retries and halting.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct RunPolicyArgs {
    /// Items in flight at once, or "auto": as many as the target serves best [default: 10; for a command the processors, for a function its threads]
    #[arg(long, short = 'l', value_name = "N")]
    limit: Option<String>,
    /// Rate limit for items, such as 100/s
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Items that may wait in the queue, or off [default: 1000]
    #[arg(long, value_name = "N")]
    queue: Option<String>,
    /// Timeout of an attempt: 7s, or 3x for three times the running median, or off
    #[arg(long, short = 't', value_name = "DURATION")]
    timeout: Option<TimeoutSetting>,
    /// Deadline of an item, including queueing and retries, or off
    #[arg(long, value_name = "DURATION")]
    deadline: Option<String>,
    /// Maximum number of retries of an item
    #[arg(long, value_name = "N")]
    retry: Option<String>,
    /// Further failures to retry: statuses such as 500, lost, raised; separated by commas
    #[arg(long, value_name = "FAILURES", requires = "retry")]
    pub(crate) retry_on: Option<RetryOn>,
    /// Retry budget, as retries per item [default: 0.2]
    #[arg(long, value_name = "SHARE", requires = "retry")]
    retry_budget: Option<String>,
    /// Let equal items in flight share one call
    #[arg(long)]
    coalesce: bool,
    /// End the run early: [now|soon,]fail|success|done=N or N%, such as fail=5%
    #[arg(long, value_name = "WHEN")]
    pub(crate) halt: Option<HaltRule>,
    /// Listen here for `mesero jobs` and metrics during the run
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) control: Option<String>,
}

/// The options of the output.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print records in the order of the input
    #[arg(long)]
    pub(crate) ordered: bool,
    /// Print only the values of successful items
    #[arg(long, conflicts_with = "record_format")]
    pub(crate) values: bool,
    /// The format of records
    // Its own id: `format` is the id of the log's format.
    #[arg(id = "record_format", long = "format", value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) format: RecordFormat,
    /// Write the failed items to this file, which can be the input of another run
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "failed.jsonl", require_equals = true)]
    pub(crate) failed: Option<PathBuf>,
    /// Print a line for each item on standard error
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Print neither a summary nor progress
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// The options of the journal.
#[derive(Debug, Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct JournalArgs {
    /// Record starts and results in this new file, for --resume and --retry-failed
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Continue the run of this journal, with the same TARGET and INPUT; prints the records of all items, including
    /// those that finished before
    #[arg(long, value_name = "FILE", conflicts_with = "journal")]
    resume: Option<PathBuf>,
    /// Run the failed items of this journal again, with the same TARGET and without INPUT
    #[arg(long, value_name = "FILE", conflicts_with_all = ["journal", "resume", "input", "times"])]
    retry_failed: Option<PathBuf>,
    /// Run items with an unknown result again, since running an item twice does no harm
    #[arg(long, requires = "resume")]
    pub(crate) idempotent: bool,
}

impl JournalArgs {
    /// The journal's path, and the purpose for which it is opened.
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

impl RunArgs {
    /// The part of the command line that names the target.
    pub(super) fn target_options(&self) -> TargetOptions<'_> {
        let HttpRequestArgs { method, headers, .. } = &self.request;
        TargetOptions {
            name: self.words.first().filter(|_| self.command.is_empty()).map(String::as_str),
            command: &self.command,
            is_repetition: self.times.is_some(),
            request: RequestFlags { method: method.as_deref(), headers, body: self.request.body() },
            target: &self.target,
            policy: self.policy(),
        }
    }

    /// The items on the command line.
    pub(super) fn inline_items(&self) -> &[String] {
        if self.command.is_empty() { self.words.get(1..).unwrap_or_default() } else { &self.words }
    }

    /// The source of the items, without a journal.
    pub(super) fn source(&self) -> InputSource {
        if let Some(count) = self.times {
            return InputSource::Repeated(count);
        }
        if !self.inline_items().is_empty() {
            return InputSource::Words(self.inline_items().to_vec());
        }
        let path = self.input.clone().filter(|path| path.as_os_str() != "-");
        let by_extension = path.as_deref().map_or(InputFormat::Lines, InputFormat::of);
        InputSource::File { path, format: self.format_in.unwrap_or(by_extension) }
    }

    fn policy(&self) -> PolicyFlags {
        let RunPolicyArgs {
            limit,
            rate,
            queue,
            timeout,
            deadline,
            retry,
            retry_budget,
            coalesce,
            ..
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

    /// The timeout as a multiple of the running median, if it is one.
    pub(super) fn median_factor(&self) -> Option<f64> {
        self.policies.timeout.as_ref().and_then(TimeoutSetting::factor)
    }

    pub(super) fn record_format(&self) -> RecordFormat {
        if self.out.values { RecordFormat::Values } else { self.out.format }
    }
}

impl HttpRequestArgs {
    /// The body; the flags exclude each other.
    fn body(&self) -> BodyOption<'_> {
        let Self { data, data_raw, data_binary, json, .. } = self;
        let body = data.as_deref().map(BodyOption::Data);
        let body = body.or(data_raw.as_deref().map(BodyOption::Raw));
        let body = body.or(data_binary.as_deref().map(BodyOption::Binary));
        body.or(json.as_deref().map(BodyOption::Json)).unwrap_or(BodyOption::Nothing)
    }
}
