//! A pass against a database that a test plays: what it fails, and whether the write had come through by then.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use clap::Parser;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;

use super::*;
use crate::argon2::cost::Cost;
use crate::argon2::hasher::HashRecipe;
use crate::args::HashArgs;
use crate::database::contract::{Database, DatabaseFuture, RowChange, ScrubMode, WriteOutcome};
use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::residue::Residue;
use crate::migrate::progress::RowProgress;
use crate::rows::key::KeyValue;
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::{Row, StoredValue, ValueForm};
use crate::secret::SecretBytes;

/// The command line of `mesero hash` alone.
#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    args: HashArgs,
}

/// A table in memory: passwords by key.
#[derive(Clone, Default)]
struct PasswordTable(Arc<Mutex<BTreeMap<i64, Vec<u8>>>>);

/// What becomes of a write.
#[derive(Clone, Copy)]
enum ScriptedFailure {
    /// The connection is lost before it.
    LostBefore,
    /// The connection is lost, and nobody knows that it was written.
    LostAfter,
    /// A row cannot be written.
    Refuses(i64),
}

struct ScriptedDatabase {
    table: PasswordTable,
    plays: VecDeque<ScriptedFailure>,
    refused: Option<i64>,
}

impl ScriptedDatabase {
    fn apply(&self, changes: &[RowChange]) -> Vec<WriteOutcome> {
        let mut table = self.table.0.lock().unwrap();
        let outcome = |change: &RowChange| {
            let Some(stored) = table.get_mut(&number(&change.row.key)) else {
                return WriteOutcome::Deleted;
            };
            let hash = change.hash.reveal();
            let old = change.row.value.as_ref().map(|value| value.bytes.reveal());
            if old == Some(stored.as_slice()) {
                *stored = hash.to_vec();
            }
            if stored == hash { WriteOutcome::Written } else { WriteOutcome::Changed }
        };
        changes.iter().map(outcome).collect()
    }
}

fn number(key: &RowKey) -> i64 {
    match key.0[..] {
        [KeyValue::Integer(number)] => number,
        _ => panic!("{key}"),
    }
}

fn value(bytes: &[u8]) -> StoredValue {
    StoredValue { bytes: SecretBytes::copied(bytes), form: ValueForm::Text }
}

fn failure<T>(kind: ErrorKind) -> Result<T, DatabaseError> {
    Err(DatabaseError { kind, text: "write rows".to_owned() })
}

impl Database for ScriptedDatabase {
    fn page<'a>(
        &'a mut self,
        after: Option<&'a RowKey>,
        size: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        let first = after.map_or(i64::MIN, |key| number(key) + 1);
        let table = self.table.0.lock().unwrap();
        let mut page = RowPage::new(size);
        let row = |(key, password): (&i64, &Vec<u8>)| Row {
            key: RowKey(vec![KeyValue::Integer(*key)]),
            value: Some(value(password)),
            into: None,
        };
        for found in table.range(first..) {
            if page.has_room() {
                page.add(row(found));
            }
        }
        Box::pin(std::future::ready(Ok(page)))
    }

    fn begin(&mut self) -> DatabaseFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        let play = self.plays.pop_front();
        if let Some(ScriptedFailure::Refuses(key)) = play {
            self.refused = Some(key);
        }
        let has_refused =
            changes.iter().any(|change| Some(number(&change.row.key)) == self.refused);
        let result = match play {
            Some(ScriptedFailure::LostBefore) => failure(ErrorKind::Retryable),
            Some(ScriptedFailure::LostAfter) => {
                self.apply(changes);
                failure(ErrorKind::Retryable)
            }
            _ if has_refused => failure(ErrorKind::Row),
            _ => Ok(self.apply(changes)),
        };
        Box::pin(std::future::ready(result))
    }

    fn read_back<'a>(
        &'a mut self,
        keys: &'a [RowKey],
    ) -> DatabaseFuture<'a, Vec<Option<StoredValue>>> {
        let table = self.table.0.lock().unwrap();
        let stored = keys.iter().map(|key| table.get(&number(key)).map(|stored| value(stored)));
        let stored = stored.collect();
        Box::pin(std::future::ready(Ok(stored)))
    }

    fn scrub(&mut self, _: ScrubMode) -> DatabaseFuture<'_, Vec<Residue>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

fn session(database: ScriptedDatabase, output: &mut Output) -> HashSession<'_> {
    HashSession {
        database: Box::new(database),
        signals: Signals::listen().unwrap(),
        last_signal: None,
        progress: RowProgress::new(true),
        output,
    }
}

/// Two passes over fifty rows, whose writes go as it is played.
async fn hashed(plays: impl IntoIterator<Item = ScriptedFailure>) -> (RowCounts, PasswordTable) {
    let table = PasswordTable::default();
    table.0.lock().unwrap().extend((0..50).map(|key| (key, b"secret".to_vec())));
    let database = ScriptedDatabase {
        table: table.clone(),
        plays: plays.into_iter().collect(),
        refused: None,
    };
    let words = ["hash", "app.db", "--table", "t", "--column", "c", "--batch", "10"];
    let CommandLine { args } = CommandLine::parse_from(words.iter().chain(&["--verify", "all"]));
    let mut output = Output::new(io::sink(), io::sink());
    let mut session = session(database, &mut output);
    let recipe = Arc::new(HashRecipe { cost: Cost::new(8, 1, 1).unwrap(), pepper: None });
    let workers = HashWorkers::new(&recipe, NonZeroUsize::new(2).unwrap(), None).unwrap();
    let policy = RowPolicy { ambiguous: None, verify: args.report.verify };
    let mut passes = Passes::new((&mut session, &workers), &args, policy);
    passes.pass(true).await.unwrap();
    assert_eq!(passes.pass(false).await.unwrap().jobs, 0);
    let counts = passes.counts;
    counts.check().unwrap();
    (counts, table)
}

fn hashes(table: &PasswordTable) -> usize {
    let table = table.0.lock().unwrap();
    table.values().filter(|stored| stored.starts_with(b"$argon2id$")).count()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_before_a_write_or_after_it_loses_no_row_and_counts_none_twice() {
    for play in [ScriptedFailure::LostBefore, ScriptedFailure::LostAfter] {
        let (counts, table) = hashed([play, play, play]).await;
        assert_eq!((counts.hashed, counts.changed, counts.failed, counts.verified), (50, 0, 0, 50));
        assert_eq!(hashes(&table), 50);
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_with_a_row_that_cannot_be_written_all_others_are_written() {
    let (counts, table) = hashed([ScriptedFailure::Refuses(7)]).await;
    assert_eq!((counts.hashed, counts.failed, counts.verified), (49, 1, 49));
    assert_eq!((hashes(&table), table.0.lock().unwrap()[&7].as_slice()), (49, &b"secret"[..]));
}

#[tokio::test]
async fn rows_with_large_values_come_in_small_pages_and_none_is_left_out() {
    const MEBIBYTE: usize = 1 << 20;
    let table = PasswordTable::default();
    // Small ones before, between and behind.
    let size = |key| if (20..60).contains(&key) && key != 30 { MEBIBYTE } else { 1 };
    table.0.lock().unwrap().extend((0..2500).map(|key| (key, vec![b'x'; size(key)])));
    let mut output = Output::new(io::sink(), io::sink());
    let database = ScriptedDatabase { table, plays: VecDeque::new(), refused: None };
    let mut session = session(database, &mut output);
    let (mut scan, mut seen) = (TableScan::new(), Vec::new());
    while !scan.at_end() {
        let page = scan.next(&mut session).await.unwrap();
        let bytes: usize = page.iter().map(|row| size(number(&row.key))).sum();
        assert!(bytes < 9 * MEBIBYTE, "{bytes} bytes in {} rows", page.len());
        assert!(page.len() <= 1000);
        seen.extend(page.iter().map(|row| number(&row.key)));
    }
    assert!(seen.into_iter().eq(0..2500));
}
