//! What a command line says of a target.

use std::path::PathBuf;

use clap::Args;
use mesero_config::{PolicyFlags, WorkerFlags};

use super::{BodyOption, TextParsing};

/// All that names a target, and says how it is called.
#[derive(Debug)]
pub struct TargetOptions<'a> {
    /// Where it is no command.
    pub word: Option<&'a str>,
    /// A program and its arguments; else empty.
    pub command: &'a [String],
    /// Whether items are nothing but numbers of repetitions, so that a command without a place for them is meant as it
    /// is.
    pub is_repetition: bool,
    pub request: RequestFlags<'a>,
    pub target: &'a TargetArgs,
    pub policy: PolicyFlags,
}

/// How requests are made.
#[derive(Debug, Clone, Copy)]
pub struct RequestFlags<'a> {
    pub method: Option<&'a str>,
    /// As `NAME: VALUE`.
    pub headers: &'a [String],
    pub body: BodyOption<'a>,
}

/// What is called.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Where @NAME is looked up
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
    /// Call a function with texts, also with those that read as numbers
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

    /// What makes a difference for an answer.
    pub(super) fn environment_identity(&self) -> String {
        let Self { interpreter, venv, texts, .. } = self;
        format!("{interpreter:?} {venv:?} {texts:?}")
    }

    pub(super) fn text_parsing(&self) -> TextParsing {
        if self.texts { TextParsing::KeepText } else { TextParsing::GuessTypes }
    }
}

impl RequestFlags<'_> {
    /// The first flag that was given.
    pub(super) fn first_flag(&self) -> Option<&'static str> {
        [("-X", self.method.is_some()), ("-H", !self.headers.is_empty())]
            .into_iter()
            .find_map(|(flag, is_given)| is_given.then_some(flag))
            .or(self.body.flag())
    }
}
