//! The `mesero` program.

#![forbid(unsafe_code)]

mod check;
mod cli;
mod runtime;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use mesero_config::Config;
use mesero_terminal::command_error::CommandError;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::telemetry;
use tracing::level_filters::LevelFilter;

use crate::cli::{CheckArgs, Cli, CliCommand, ServeArgs};

/// Chosen for short-lived allocations by several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut output = Output::standard();
    let ended = run(Cli::parse(), &mut output);
    ended.unwrap_or_else(|error| error.report(&mut output)).code()
}

fn run(cli: Cli, output: &mut Output) -> Result<Exit, CommandError> {
    // Dropped, and so written out, when the command has ended.
    let _telemetry = telemetry::start(&cli.log, default_level(&cli.command))?;
    match cli.command {
        CliCommand::Serve(args) => serve(*args, output),
        CliCommand::Run(args) => runtime::run(mesero_run::run(*args, output)),
        #[cfg(feature = "hash")]
        CliCommand::Hash(args) => runtime::run(mesero_hash::run(*args, output)),
        CliCommand::Bench(args) => runtime::run(mesero_bench::run(*args, output)),
        CliCommand::Check(args) => check(&args, output),
        CliCommand::Jobs(args) => {
            runtime::wait_for(NonZeroUsize::MIN, mesero_control::client::run(args, output))
        }
        CliCommand::Reference => print(mesero_config::REFERENCE.trim_end(), output),
        CliCommand::Schema => print(&format!("{:#}", Config::schema()), output),
    }
}

fn default_level(command: &CliCommand) -> LevelFilter {
    match command {
        // A load test counts the calls that time out; a line for each would be in its way.
        CliCommand::Bench(_) => LevelFilter::WARN,
        _ => LevelFilter::INFO,
    }
}

fn serve(args: ServeArgs, output: &mut Output) -> Result<Exit, CommandError> {
    let config = args.config()?;
    runtime::wait_for(config.server.threads, mesero_server::run(config, output))
}

fn check(args: &CheckArgs, output: &mut Output) -> Result<Exit, CommandError> {
    let config = Config::load(&args.files)?;
    runtime::wait_for(NonZeroUsize::MIN, check::run(&config, output))
}

fn print(text: &str, output: &mut Output) -> Result<Exit, CommandError> {
    output
        .line(text)
        .map_err(|error| CommandError::failed_to(format!("write to stdout: {error}")))?;
    Ok(Exit::Fine)
}
