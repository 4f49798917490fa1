//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mesero_bench::BenchArgs;
use mesero_config::{Config, ConfigError, FlagsInput};
use mesero_control::client::JobsArgs;
#[cfg(feature = "hash")]
use mesero_hash::HashArgs;
use mesero_run::RunArgs;
use mesero_terminal::telemetry::LogArgs;

/// A concurrency limit and a request queue in front of slow, blocking code, with a batch runner and a load test.
#[derive(Debug, Parser)]
#[command(name = "mesero", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Serve a slow function, application, server or command over HTTP
    Serve(Box<ServeArgs>),
    /// Batch runner: one call for each item of an input, with a concurrency limit and retries
    Run(Box<RunArgs>),
    /// Replace the plaintext passwords of a database table by hashes, while it is in use
    #[cfg(feature = "hash")]
    Hash(Box<HashArgs>),
    /// Load test: measure latency, throughput and failures, or find the capacity
    Bench(Box<BenchArgs>),
    /// Check a configuration: read it, and start every resource once
    Check(CheckArgs),
    /// List, show and cancel the jobs of a running mesero, and change its limit
    Jobs(JobsArgs),
    /// Print every configuration key with its default and meaning
    Reference,
    /// Print a JSON Schema of the configuration, for completion and checks in editors
    Schema,
}

/// Configuration files, or a Python function and its routes.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file; several files are one configuration
    #[arg(required_unless_present = "python", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Serve this function without a configuration file
    #[arg(long, value_name = "MODULE:FUNCTION", conflicts_with = "files", requires = "route")]
    python: Option<String>,
    /// Path and arguments of a route, such as '/square?num={num:float}'; may be repeated
    #[arg(long, value_name = "TEMPLATE", requires = "python")]
    route: Vec<String>,
    /// Format of replies: text or json [default: json]
    #[arg(long, requires = "python")]
    reply: Option<String>,
    /// Address to listen on [default: localhost:8888]
    #[arg(long, value_name = "ADDRESS", requires = "python")]
    listen: Option<String>,
    /// Address of the control listener (jobs, metrics, health), or off [default: 127.0.0.1:9888]
    #[arg(long, value_name = "ADDRESS", requires = "python")]
    control: Option<String>,
    /// Python interpreter [default: python3]
    #[arg(long, value_name = "PATH", requires = "python")]
    interpreter: Option<String>,
    /// Folder of a virtual environment
    #[arg(long, value_name = "FOLDER", requires = "python")]
    venv: Option<String>,
    /// Worker processes [default: 1]
    #[arg(long, value_name = "N", requires = "python")]
    processes: Option<String>,
    /// Threads in each process, for a sync function [default: 1]
    #[arg(long, value_name = "N", requires = "python")]
    threads: Option<String>,
    /// Concurrent calls in each process, for an async function [default: 100]
    #[arg(long, value_name = "N", requires = "python")]
    concurrency: Option<String>,
    /// Concurrency limit, or "auto": it finds itself [default: the capacity of the workers]
    #[arg(long, value_name = "N", requires = "python")]
    limit: Option<String>,
    /// Maximum number of waiting calls, or off [default: 1000]
    #[arg(long, value_name = "N", requires = "python")]
    queue: Option<String>,
    /// Order of waiting calls: fifo, newest-when-overloaded or fair [default: newest-when-overloaded]
    #[arg(long, value_name = "ORDER", requires = "python")]
    order: Option<String>,
    /// Keys that share the slots with `--order fair`, such as header.x-api-key or client
    #[arg(long, value_name = "SOURCE", requires = "python")]
    key: Option<String>,
    /// Timeout of a call that waits, or off [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "python")]
    queue_timeout: Option<String>,
    /// Timeout of one attempt, or off [default: off]
    #[arg(long, value_name = "DURATION", requires = "python")]
    timeout: Option<String>,
    /// Deadline of a call, including its wait, or off [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "python")]
    deadline: Option<String>,
}

impl ServeArgs {
    /// The configuration from the files or from the flags.
    ///
    /// # Errors
    /// Every problem of the configuration, with its place.
    pub(crate) fn config(self) -> Result<Config, ConfigError> {
        match self.python {
            None => Config::load(&self.files),
            Some(python) => Config::from_flags(&FlagsInput {
                python,
                routes: self.route,
                reply: self.reply,
                listen: self.listen,
                control: self.control,
                interpreter: self.interpreter,
                venv: self.venv,
                processes: self.processes,
                threads: self.threads,
                concurrency: self.concurrency,
                limit: self.limit,
                queue: self.queue,
                order: self.order,
                key: self.key,
                queue_timeout: self.queue_timeout,
                timeout: self.timeout,
                deadline: self.deadline,
            }),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Configuration file; several files are one configuration
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Arguments of all commands and of one share their identifiers, which only parsing compares.
    #[test]
    fn every_command_parses_beside_the_flags_of_the_log() {
        let commands = [
            "serve mesero.toml",
            "run http://localhost:8000/{} 1",
            "bench http://localhost:8000/",
            #[cfg(feature = "hash")]
            "hash users.db --table users --column password",
            "check mesero.toml",
            "jobs",
            "reference",
            "schema",
        ];
        let defined = Cli::command().get_subcommands().count();
        assert_eq!(commands.len(), defined, "each command has its line here");
        for command in commands {
            let words = command.split(' ');
            let flags = ["--log", "info", "--log-format", "json"];
            let cli = Cli::try_parse_from(["mesero"].into_iter().chain(words).chain(flags));
            assert!(cli.is_ok(), "{command}: {}", cli.unwrap_err());
        }
    }
}
