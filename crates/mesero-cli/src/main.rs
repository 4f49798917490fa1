//! The `mesero` program.

#![forbid(unsafe_code)]

mod check;
mod cli;

use std::fmt::Display;
use std::io;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use mesero_bench::BenchArgs;
use mesero_config::{Config, ConfigError};
use mesero_control::client::JobsArgs;
#[cfg(feature = "hash")]
use mesero_hash::HashArgs;
use mesero_run::RunArgs;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use tokio::runtime::{Builder, Runtime};
use tracing::level_filters::LevelFilter;

use crate::cli::{CheckArgs, Cli, Command, ServeArgs};

/// Short-lived allocations by several threads at once are what it is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::standard();
    let usual = match &cli.command {
        // That calls are given up is what it counts.
        Command::Bench(_) => LevelFilter::WARN,
        _ => LevelFilter::INFO,
    };
    let exit = match mesero_terminal::telemetry::start(&cli.log, usual) {
        // Dropped, and so written out, when the command is over.
        Ok(_telemetry) => dispatch(cli.command, &mut output),
        Err(error) => unusable(&error, &mut output),
    };
    exit.code()
}

fn dispatch(command: Command, output: &mut Output) -> Exit {
    match command {
        Command::Serve(args) => serve(*args, output),
        Command::Run(args) => batch(*args, output),
        #[cfg(feature = "hash")]
        Command::Hash(args) => hash(*args, output),
        Command::Bench(args) => bench(*args, output),
        Command::Check(args) => check(&args, output),
        Command::Jobs(args) => jobs(args, output),
        Command::Reference => print(mesero_config::REFERENCE.trim_end(), output),
        Command::Schema => print(&format!("{:#}", Config::schema()), output),
    }
}

fn print(text: &str, output: &mut Output) -> Exit {
    match output.line(text) {
        Ok(()) => Exit::Fine,
        Err(error) => unusable(&error, output),
    }
}

fn serve(args: ServeArgs, output: &mut Output) -> Exit {
    let config = match args.config() {
        Ok(config) => config,
        Err(error) => return unusable_config(&error, output),
    };
    let runtime = match runtime(config.server.threads) {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error, output),
    };
    let ended = runtime.block_on(mesero_server::run(config, output));
    ended.unwrap_or_else(|error| unusable(&error, output))
}

fn batch(args: RunArgs, output: &mut Output) -> Exit {
    let runtime = match runtime(NonZeroUsize::MIN) {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error, output),
    };
    let ended = runtime.block_on(mesero_run::run(args, output));
    // Whatever still reads or writes ends with the process.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| {
        output.say(&error.to_string());
        Exit::Unusable
    })
}

#[cfg(feature = "hash")]
fn hash(args: HashArgs, output: &mut Output) -> Exit {
    let runtime = match runtime(NonZeroUsize::MIN) {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error, output),
    };
    let ended = runtime.block_on(mesero_hash::run(args, output));
    // A measurement that is not waited for any more.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| unusable(&error, output))
}

fn bench(args: BenchArgs, output: &mut Output) -> Exit {
    let runtime = match runtime(NonZeroUsize::MIN) {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error, output),
    };
    let ended = runtime.block_on(mesero_bench::run(args, output));
    // A name that is still being looked up keeps nobody waiting.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| match error.config() {
        Some(config) => unusable_config(config, output),
        None => unusable(&error, output),
    })
}

fn check(args: &CheckArgs, output: &mut Output) -> Exit {
    let config = match Config::load(&args.files) {
        Ok(config) => config,
        Err(error) => return unusable_config(&error, output),
    };
    let runtime = match runtime(NonZeroUsize::MIN) {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error, output),
    };
    let ended = runtime.block_on(check::run(&config, output));
    ended.unwrap_or_else(|error| unusable(&error, output))
}

fn jobs(args: JobsArgs, output: &mut Output) -> Exit {
    let runtime = match runtime(NonZeroUsize::MIN) {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error, output),
    };
    match runtime.block_on(mesero_control::client::run(args, output)) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            output.say(&format!("mesero: {error}"));
            error.exit()
        }
    }
}

/// One thread alone needs no hand-over between threads, which costs more than it brings.
fn runtime(threads: NonZeroUsize) -> io::Result<Runtime> {
    let mut builder = match threads.get() {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.get()).enable_all().build()
}

fn unusable(error: &dyn Display, output: &mut Output) -> Exit {
    output.say(&format!("mesero: failed to {error}"));
    Exit::Unusable
}

fn unusable_config(error: &ConfigError, output: &mut Output) -> Exit {
    output.say(&error.render(mesero_terminal::output::colour_is_welcome()));
    Exit::Unusable
}
