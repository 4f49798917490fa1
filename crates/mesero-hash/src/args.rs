//! The flags of `mesero hash`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use mesero_terminal::whole::whole;

use super::database::{Location, Wanted};

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
    pub(crate) ambiguous: Option<Ambiguous>,

    #[command(flatten)]
    pub(crate) cost: CostArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
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
pub(crate) struct PaceArgs {
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
pub(crate) struct CheckArgs {
    /// Read hashes back and verify them with another implementation: sample=N%, all or none
    #[arg(long, value_name = "WHICH", default_value = "sample=1%")]
    pub(crate) verify: Verify,
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

/// What a value is that may be plaintext or may be a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ambiguous {
    /// It is plaintext: hash it
    Plaintext,
    /// It is a hash: leave it as it is
    Skip,
    /// It is a hash without a salt: hash it again, with a mark in front
    Wrap,
}

/// A choice of parameters that others made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// m=19456,t=2,p=1
    Owasp,
    /// m=65536,t=3,p=4
    #[value(name = "rfc9106-low")]
    Rfc9106Low,
    /// m=2097152,t=1,p=4
    #[value(name = "rfc9106-high")]
    Rfc9106High,
}

/// Which hashes are read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verify {
    /// Each with this probability.
    Sample(f64),
    All,
    None,
}

impl FromStr for Verify {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || "wanted `all`, `none` or a share such as `sample=1%`".to_owned();
        match text {
            "all" => Ok(Verify::All),
            "none" => Ok(Verify::None),
            _ => {
                let share = text.strip_prefix("sample=").and_then(|rest| rest.strip_suffix('%'));
                let share: f64 = share.and_then(|share| share.parse().ok()).ok_or_else(wanted)?;
                if share > 0.0 && share <= 100.0 {
                    Ok(Verify::Sample(share / 100.0))
                } else {
                    Err("the share must be above 0 % and at most 100 %".to_owned())
                }
            }
        }
    }
}

impl HashArgs {
    pub(crate) fn location(&self) -> Location {
        Location {
            database: self.database.clone(),
            password_file: self.password_file.clone(),
            read_only: self.dry_run,
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            table: self.table.clone(),
            column: self.column.clone(),
            into: self.into.clone(),
            key: self.key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_above_nothing_and_at_most_all() {
        assert_eq!("all".parse(), Ok(Verify::All));
        assert_eq!("sample=1%".parse(), Ok(Verify::Sample(0.01)));
        for bad in ["", "1%", "sample=", "sample=1", "sample=0%", "sample=101%", "sample=NaN%"] {
            assert!(bad.parse::<Verify>().is_err(), "{bad}");
        }
    }
}
