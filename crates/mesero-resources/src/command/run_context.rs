//! What all runs of a command have in common.

use std::fs::File;

use mesero_process::guardian::Guardian;
use mesero_process::launch::Launcher;
use mesero_process::spawner::Spawner;

use super::settings::Settings;

/// What all runs of a command have in common.
#[derive(Debug)]
pub(super) struct RunContext {
    pub(super) settings: Settings,
    pub(super) launcher: Launcher,
    pub(super) spawner: Spawner,
    pub(super) guardian: Guardian,
    /// The standard input of commands that are fed nothing.
    pub(super) nothing: File,
}
