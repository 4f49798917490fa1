//! The flags of `mesero hash`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::Args;
use mesero_terminal::whole::whole;

use crate::argon2::cost::Preset;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::rows::row_policy::{AmbiguousAction, VerifyShare};

/// What `mesero hash` is told.
#[derive(Debug, Args)]
pub struct HashArgs {
    /// An SQLite file, or the URL of a PostgreSQL, MySQL or MariaDB database without its password
    #[arg(value_name = "DATABASE")]
    database: String,
    /// The table
    #[arg(long, value_name = "NAME")]
    table: String,
    /// The column that has the plaintext passwords
    #[arg(long, value_name = "NAME")]
    column: String,
    /// Write hashes to this column, and NULL over the plaintext [default: over the plaintext itself]
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
    /// The columns of a unique key, separated by commas [default: the primary key]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    key: Vec<String>,
    /// The file that has the password of the database's user
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Look and estimate, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What to do about values that may be plaintext or may be hashes
    #[arg(long, value_name = "WHAT")]
    pub(crate) ambiguous: Option<AmbiguousAction>,

    #[command(flatten)]
    pub(crate) cost: CostArgs,
    #[command(flatten)]
    pub(crate) throttle: ThrottleArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// How expensive a hash is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Argon2id")]
pub(crate) struct CostArgs {
    /// Memory in KiB, passes and lanes [default: m=19456,t=2,p=1]
    #[arg(long, value_name = "m=N,t=N,p=N", conflicts_with_all = ["preset", "calibrate"])]
    pub(crate) argon2: Option<String>,
    /// A choice of others
    #[arg(long, value_name = "NAME", conflicts_with = "calibrate")]
    pub(crate) preset: Option<Preset>,
    /// As many passes as one hash may take of this time, on this machine
    #[arg(long, value_name = "DURATION")]
    pub(crate) calibrate: Option<String>,
    /// Take parameters that are below what OWASP asks for, for tests
    #[arg(long)]
    pub(crate) allow_weak: bool,
    /// Mix the bytes of this file into every hash; whoever verifies needs them too
    #[arg(long, value_name = "FILE", requires = "pepper_id")]
    pub(crate) pepper_file: Option<PathBuf>,
    /// What the pepper is called in every hash: at most eight bytes
    #[arg(long, value_name = "ID", requires = "pepper_file")]
    pub(crate) pepper_id: Option<String>,
}

/// How fast it goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct ThrottleArgs {
    /// Threads that hash [default: found out, at most one for each usable processor]
    #[arg(long, value_name = "N", value_parser = whole::<NonZeroU16>)]
    pub(crate) workers: Option<NonZeroU16>,
    /// Rows that are written in one transaction, at most
    #[arg(long, value_name = "ROWS", default_value = "100", value_parser = whole::<NonZeroU16>)]
    pub(crate) batch: NonZeroU16,
    /// Rows that are hashed in a second, at most
    #[arg(long, value_name = "N", value_parser = whole::<NonZeroU32>)]
    pub(crate) max_rows_per_s: Option<NonZeroU32>,
    /// Wait while this file exists
    #[arg(long, value_name = "FILE")]
    pub(crate) pause_file: Option<PathBuf>,
    /// Passes over the table, at most, while each finds new plaintext
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole::<NonZeroU16>)]
    pub(crate) passes: NonZeroU16,
}

/// What is checked and said.
#[derive(Debug, Args)]
#[command(next_help_heading = "Afterwards")]
pub(crate) struct ReportArgs {
    /// Read hashes back and verify them with another implementation: sample=N%, all or none
    #[arg(long, value_name = "WHICH", default_value = "sample=1%")]
    pub(crate) verify: VerifyShare,
    /// Rewrite the database's file at the end, so that old values do not stay in free pages
    #[arg(long)]
    pub(crate) vacuum: bool,
    /// Print the summary as JSON, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress and no summary
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl HashArgs {
    pub(crate) fn location(&self) -> DatabaseLocation {
        DatabaseLocation {
            database: self.database.clone(),
            password_file: self.password_file.clone(),
            read_only: self.dry_run,
        }
    }

    pub(crate) fn wanted(&self) -> TableSelection {
        TableSelection {
            table: self.table.clone(),
            column: self.column.clone(),
            into: self.into.clone(),
            key: self.key.clone(),
        }
    }
}
