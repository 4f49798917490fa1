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

/// Puts a slow, blocking thing behind a concurrent, bounded, observable front.
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
    /// Serve a slow thing over HTTP
    Serve(Box<ServeArgs>),
    /// Call a slow thing for each item of an input, bounded, and print a record as each is done
    Run(Box<RunArgs>),
    /// Hash the plaintext passwords of a database table, while it is in use
    #[cfg(feature = "hash")]
    Hash(Box<HashArgs>),
    /// Measure a service: do its clients get their answers, how fast, and how many
    Bench(Box<BenchArgs>),
    /// Check a configuration: read it, start every resource once, and say what was found
    Check(CheckArgs),
    /// See what is in flight in a running mesero, and cancel it
    Jobs(JobsArgs),
    /// Print every configuration key with its default and what it means
    Reference,
    /// Print a JSON Schema of the configuration, with which editors complete and check it
    Schema,
}

/// Configuration files, or a Python function and its routes.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file; several are one configuration together
    #[arg(required_unless_present = "python", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Serve this function without a file: MODULE:FUNCTION
    #[arg(long, value_name = "MODULE:FUNCTION", conflicts_with = "files", requires = "route")]
    python: Option<String>,
    /// A path and its arguments, such as '/square?num={num:float}'; may be repeated
    #[arg(long, value_name = "TEMPLATE", requires = "python")]
    route: Vec<String>,
    /// How replies are written: text or json [default: json]
    #[arg(long, requires = "python")]
    reply: Option<String>,
    /// Where to listen [default: localhost:8888]
    #[arg(long, value_name = "ADDRESS", requires = "python")]
    listen: Option<String>,
    /// Where jobs, metrics and health are served, or off [default: 127.0.0.1:9888]
    #[arg(long, value_name = "ADDRESS", requires = "python")]
    control: Option<String>,
    /// The Python interpreter [default: python3]
    #[arg(long, value_name = "PATH", requires = "python")]
    interpreter: Option<String>,
    /// The folder of a virtual environment
    #[arg(long, value_name = "FOLDER", requires = "python")]
    venv: Option<String>,
    /// Worker processes [default: 1]
    #[arg(long, value_name = "N", requires = "python")]
    processes: Option<String>,
    /// Threads in each process, for a sync function [default: 1]
    #[arg(long, value_name = "N", requires = "python")]
    threads: Option<String>,
    /// Calls in flight in each process, for an async function [default: 100]
    #[arg(long, value_name = "N", requires = "python")]
    concurrency: Option<String>,
    /// Calls that run at once [default: what the workers can serve]
    #[arg(long, value_name = "N", requires = "python")]
    limit: Option<String>,
    /// Calls that may wait, or off [default: 1000]
    #[arg(long, value_name = "N", requires = "python")]
    queue: Option<String>,
    /// How long one attempt may take, or off [default: off]
    #[arg(long, value_name = "DURATION", requires = "python")]
    timeout: Option<String>,
    /// How long a call may take with its wait, or off [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "python")]
    deadline: Option<String>,
}

impl ServeArgs {
    /// The configuration that these arguments name or are.
    ///
    /// # Errors
    /// What is wrong with it, and where.
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
                timeout: self.timeout,
                deadline: self.deadline,
            }),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration file; several are one configuration together
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
}
