//! The flags of `mesero hash`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::Args;
use mesero_terminal::units::parse_positive;

use crate::argon2::cost::Preset;
use crate::database::location::{DatabaseLocation, TableSelection};
use crate::rows::row_policy::{AmbiguousAction, VerifyShare};

/// The command line of `mesero hash`.
#[derive(Debug, Args)]
pub struct HashArgs {
    /// An SQLite file, or the URL of a PostgreSQL, MySQL or MariaDB database without its password
    #[arg(value_name = "DATABASE")]
    database: String,
    /// The table
    #[arg(long, value_name = "NAME")]
    table: String,
    /// The column of the plaintext passwords
    #[arg(long, value_name = "NAME")]
    column: String,
    /// Write hashes to this column, and set the plaintext to NULL [default: replace the plaintext]
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
    /// The columns of a unique key, separated by commas [default: the primary key]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    key: Vec<String>,
    /// File with the password of the database's user
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Report the rows and estimate the duration; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Treatment of values that may be plaintext or a hash
    #[arg(long, value_name = "WHAT")]
    pub(crate) ambiguous: Option<AmbiguousAction>,

    #[command(flatten)]
    pub(crate) cost: CostArgs,
    #[command(flatten)]
    pub(crate) throttle: ThrottleArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// The cost of a hash.
#[derive(Debug, Args)]
#[command(next_help_heading = "Argon2id")]
pub(crate) struct CostArgs {
    /// Memory in KiB, passes and lanes [default: m=19456,t=2,p=1]
    #[arg(long, value_name = "m=N,t=N,p=N", conflicts_with_all = ["preset", "calibrate"])]
    pub(crate) argon2: Option<String>,
    /// Recommended parameters
    #[arg(long, value_name = "NAME", conflicts_with = "calibrate")]
    pub(crate) preset: Option<Preset>,
    /// Choose the passes so that a hash takes this time on this machine
    #[arg(long, value_name = "DURATION")]
    pub(crate) calibrate: Option<String>,
    /// Accept parameters below OWASP's minimum, for tests
    #[arg(long)]
    pub(crate) allow_weak: bool,
    /// Use the bytes of this file as the secret of every hash; a verification needs them too
    #[arg(long, value_name = "FILE", requires = "pepper_id")]
    pub(crate) pepper_file: Option<PathBuf>,
    /// Name of the pepper in every hash: at most eight bytes
    #[arg(long, value_name = "ID", requires = "pepper_file")]
    pub(crate) pepper_id: Option<String>,
}

/// The speed of the run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Speed")]
pub(crate) struct ThrottleArgs {
    /// Threads that hash [default: measured, at most one for each usable processor]
    #[arg(long, value_name = "N", value_parser = parse_positive::<NonZeroU16>)]
    pub(crate) workers: Option<NonZeroU16>,
    /// Maximum of rows in one transaction
    #[arg(long, value_name = "ROWS", default_value = "100", value_parser = parse_positive::<NonZeroU16>)]
    pub(crate) batch: NonZeroU16,
    /// Maximum of rows hashed in a second
    #[arg(long, value_name = "N", value_parser = parse_positive::<NonZeroU32>)]
    pub(crate) max_rows_per_s: Option<NonZeroU32>,
    /// Hash no further rows while this file exists
    #[arg(long, value_name = "FILE")]
    pub(crate) pause_file: Option<PathBuf>,
    /// Maximum of passes over the table, while each finds new plaintext
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_positive::<NonZeroU16>)]
    pub(crate) passes: NonZeroU16,
}

/// Verification and the summary.
#[derive(Debug, Args)]
#[command(next_help_heading = "Verification and summary")]
pub(crate) struct ReportArgs {
    /// Verify hashes with a second implementation, and read them back: sample=N%, all or none
    #[arg(long, value_name = "WHICH", default_value = "sample=1%")]
    pub(crate) verify: VerifyShare,
    /// Rewrite the file or the table at the end, so that free pages contain no old values
    #[arg(long)]
    pub(crate) vacuum: bool,
    /// Print the summary as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no report, no progress and no summary
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

    pub(crate) fn selection(&self) -> TableSelection {
        TableSelection {
            table: self.table.clone(),
            column: self.column.clone(),
            into: self.into.clone(),
            key: self.key.clone(),
        }
    }
}
