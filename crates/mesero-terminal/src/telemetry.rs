//! The program's log: filter, format, and the writer to stderr.

use std::fmt;
use std::io;
use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::command_error::CommandError;
use crate::output;

mod form;
mod jobs;
mod limit;
mod lines;
mod queue;
mod record;

use form::Form;
pub use jobs::Log;
use lines::Lines;
use queue::Writer;

/// Orders these flags behind those of every command.
const LAST: usize = 1000;

/// The flags of the log, which every command has.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// Lines to log: a level, or a level per target, as in `info,mesero::jobs=debug`
    #[arg(id = "log_filter", long = "log", env = "MESERO_LOG", value_name = "FILTER", global = true, display_order = LAST)]
    pub(crate) filter: Option<String>,
    /// Format of the log [default: text on a terminal, logfmt elsewhere]
    #[arg(id = "log_format", long = "log-format", value_name = "FORMAT", global = true, display_order = LAST)]
    pub(crate) format: Option<LogFormat>,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people: a compact line, with multi-line texts below it
    Text,
    /// For machines and people: key=value
    Logfmt,
    /// For machines: one JSON object a line
    Json,
}

/// The log of the process. Dropping it writes the queued lines, for at most two seconds.
#[derive(Debug)]
#[must_use = "dropping it ends the log"]
pub struct Telemetry {
    _writer: Writer,
}

/// Starts the process's log, which has the lines of the usual level and above where the flags do not say otherwise.
///
/// Logging never waits for the reader of stderr: while the queue is full, lines are dropped, and the
/// log reports their number.
///
/// # Errors
/// If the filter cannot be read, the writing thread cannot be started, or a log was started before.
pub fn start(args: &LogArgs, usual: LevelFilter) -> Result<Telemetry, TelemetryError> {
    let stderr = output::stderr();
    let terminal = stderr.is_terminal();
    let form = match args.format {
        Some(LogFormat::Json) => Form::Json,
        Some(LogFormat::Logfmt) => Form::Logfmt,
        Some(LogFormat::Text) => Form::Text { color: output::color_is_welcome() },
        None if terminal => Form::Text { color: output::color_is_welcome() },
        None => Form::Logfmt,
    };
    let filter = match args.filter.as_deref() {
        Some(filter) if !filter.is_empty() => filter.parse().map_err(TelemetryError::Filter)?,
        _ => Targets::new().with_default(usual),
    };
    let (queue, writer) = queue::start(stderr, form).map_err(TelemetryError::Thread)?;
    tracing_subscriber::registry()
        .with(Lines::new(form, queue))
        .with(filter)
        .try_init()
        .map_err(TelemetryError::Started)?;
    Ok(Telemetry { _writer: writer })
}

/// A log that cannot start.
#[derive(Debug)]
pub enum TelemetryError {
    /// The filter makes no sense.
    Filter(ParseError),
    /// The writing thread cannot be started.
    Thread(io::Error),
    /// There is a log already.
    Started(TryInitError),
}

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TelemetryError::Filter(error) => write!(
                f,
                "--log (or MESERO_LOG) is to be a level (error, warn, info, debug, trace), or \
                 levels by part, as in info,mesero::jobs=debug: {error}"
            ),
            TelemetryError::Thread(error) => write!(f, "the log's thread cannot start: {error}"),
            TelemetryError::Started(error) => write!(f, "the log was started before: {error}"),
        }
    }
}

impl std::error::Error for TelemetryError {}

impl From<TelemetryError> for CommandError {
    fn from(error: TelemetryError) -> Self {
        CommandError::failed_to(error)
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn filters_from_before_the_crates_select_the_same_lines() {
        let filter: Targets = "warn,mesero=debug".parse().unwrap();
        for target in ["mesero::jobs", "mesero_http::server::listen", "mesero_resources::python"] {
            assert!(filter.would_enable(target, &Level::DEBUG), "{target}");
        }
        assert!(!filter.would_enable("hyper", &Level::DEBUG));
        let filter: Targets = "warn,mesero::jobs=debug".parse().unwrap();
        assert!(filter.would_enable("mesero::jobs", &Level::DEBUG));
        assert!(!filter.would_enable("mesero_http::server::listen", &Level::DEBUG));
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_refused_before_anything_starts() {
        let args = LogArgs { filter: Some("mesero=loud".to_owned()), format: None };
        let error = start(&args, LevelFilter::INFO).unwrap_err().to_string();
        assert!(error.starts_with("--log (or MESERO_LOG) is to be a level"), "{error}");
    }
}
