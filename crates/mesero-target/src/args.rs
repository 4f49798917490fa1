//! The options of a target on the command line.

use std::path::PathBuf;

use clap::Args;
use mesero_config::{PolicyFlags, WorkerFlags};

use crate::arguments::TextParsing;
use crate::body_option::BodyOption;

/// A target and its options, as a command line names them.
#[derive(Debug)]
pub struct TargetOptions<'a> {
    /// The target's name, unless it is a command.
    pub name: Option<&'a str>,
    /// A program and its arguments, or nothing.
    pub command: &'a [String],
    /// Set if items only number repetitions: then a command without placeholders gets no item as its last argument.
    pub is_repetition: bool,
    pub request: RequestFlags<'a>,
    pub target: &'a TargetArgs,
    pub policy: PolicyFlags,
}

/// The options of HTTP requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestFlags<'a> {
    pub method: Option<&'a str>,
    /// Each is `NAME: VALUE`.
    pub headers: &'a [String],
    pub body: BodyOption<'a>,
}

/// The options of a target.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// The configuration file that defines @NAME
    #[arg(long, value_name = "FILE", default_value = "mesero.toml")]
    pub(super) config: PathBuf,
    /// The Python interpreter [default: python3]
    #[arg(long, value_name = "PATH")]
    interpreter: Option<String>,
    /// The folder of a virtual environment
    #[arg(long, value_name = "FOLDER")]
    venv: Option<String>,
    /// Worker processes of a function [default: 1]
    #[arg(long, value_name = "N")]
    processes: Option<String>,
    /// Threads in each process, for a sync function [default: --limit, or 1]
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Calls in flight in each process, for an async function [default: --limit, or 100]
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// Pass texts to a function unchanged, even if they look like numbers
    #[arg(long)]
    texts: bool,
}

impl TargetArgs {
    pub(super) fn workers(&self) -> WorkerFlags {
        let Self { interpreter, venv, processes, threads, concurrency, .. } = self;
        WorkerFlags {
            interpreter: interpreter.clone(),
            venv: venv.clone(),
            processes: processes.clone(),
            threads: threads.clone(),
            concurrency: concurrency.clone(),
        }
    }

    /// The options that influence answers.
    pub(super) fn environment_identity(&self) -> String {
        let Self { interpreter, venv, texts, .. } = self;
        format!("{interpreter:?} {venv:?} {texts:?}")
    }

    pub(super) fn text_parsing(&self) -> TextParsing {
        if self.texts { TextParsing::KeepText } else { TextParsing::GuessTypes }
    }
}

impl RequestFlags<'_> {
    /// The first HTTP option on the command line.
    pub(super) fn first_flag(&self) -> Option<&'static str> {
        [("-X", self.method.is_some()), ("-H", !self.headers.is_empty())]
            .into_iter()
            .find_map(|(flag, is_given)| is_given.then_some(flag))
            .or(self.body.flag())
    }
}
