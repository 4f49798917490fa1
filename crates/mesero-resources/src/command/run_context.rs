//! The parts that all runs of a command share.

use std::fs::File;
use std::sync::Arc;

use mesero_config::CommandSettings;
use mesero_process::guardian::Guardian;
use mesero_process::launch::Launcher;
use mesero_process::spawner::Spawner;

/// The parts that all runs of a command share.
#[derive(Debug)]
pub(super) struct RunContext {
    /// The standard input of commands without input.
    pub(super) name: Arc<str>,
    pub(super) settings: CommandSettings,
    pub(super) input: Input,
    pub(super) launcher: Launcher,
    pub(super) spawner: Spawner,
    pub(super) guardian: Guardian,
    /// The standard input of commands that are fed nothing.
    pub(super) nothing: File,
}

/// The standard input of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The request's body.
    Body,
    /// Nothing: its replies are shared by their arguments, and therefore depend on nothing else.
    Nothing,
}
