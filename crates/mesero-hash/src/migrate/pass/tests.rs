//! Passes against a scripted database: lost connections, rejected rows, and large values.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use mesero_terminal::output::Output;

use super::*;
use crate::argon2::cost::Cost;
use crate::argon2::hasher::HashRecipe;
use crate::database::contract::{Database, DatabaseFuture, RowChange, ScrubMode, WriteOutcome};
use crate::database::error::{DatabaseError, ErrorKind};
use crate::database::residue::Residue;
use crate::migrate::messages::RunMessages;
use crate::migrate::progress::RowProgress;
use crate::migrate::stop_signals::StopSignals;
use crate::rows::counts::RowCounts;
use crate::rows::key::{KeyValue, RowKey};
use crate::rows::page::{PageLimits, RowPage};
use crate::rows::row::{Row, StoredValue, ValueForm};
use crate::rows::row_policy::VerifyShare;
use crate::secret::SecretBytes;

/// A table in memory: passwords by key.
#[derive(Clone, Default)]
struct MemoryTable(Arc<Mutex<BTreeMap<i64, Vec<u8>>>>);

/// A failure of one write.
#[derive(Clone, Copy)]
enum ScriptedFailure {
    /// The connection is lost before the commit.
    LostBefore,
    /// The connection is lost after the commit, and the reply with it.
    LostAfter,
    /// From now on the row with this key cannot be written.
    RejectsRow(i64),
}

struct ScriptedDatabase {
    table: MemoryTable,
    /// Failures of the next writes.
    failures: VecDeque<ScriptedFailure>,
    rejected: Option<i64>,
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
        limits: PageLimits,
    ) -> DatabaseFuture<'a, RowPage> {
        let first = after.map_or(i64::MIN, |key| number(key) + 1);
        let table = self.table.0.lock().unwrap();
        let mut page = RowPage::new(limits);
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

    fn prepare_writes(&mut self) -> DatabaseFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(
        &'a mut self,
        changes: &'a Arc<[RowChange]>,
    ) -> DatabaseFuture<'a, Vec<WriteOutcome>> {
        let scripted = self.failures.pop_front();
        if let Some(ScriptedFailure::RejectsRow(key)) = scripted {
            self.rejected = Some(key);
        }
        let has_rejected =
            changes.iter().any(|change| Some(number(&change.row.key)) == self.rejected);
        let result = match scripted {
            Some(ScriptedFailure::LostBefore) => failure(ErrorKind::Retryable),
            Some(ScriptedFailure::LostAfter) => {
                self.apply(changes);
                failure(ErrorKind::Retryable)
            }
            _ if has_rejected => failure(ErrorKind::Row),
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
        stop: StopSignals::listen().unwrap(),
        messages: RunMessages { progress: RowProgress::new(true), output },
    }
}

/// Runs two passes over fifty rows, with these failures of writes.
async fn hashed(failures: impl IntoIterator<Item = ScriptedFailure>) -> (RowCounts, MemoryTable) {
    let table = MemoryTable::default();
    table.0.lock().unwrap().extend((0..50).map(|key| (key, b"secret".to_vec())));
    let database = ScriptedDatabase {
        table: table.clone(),
        failures: failures.into_iter().collect(),
        rejected: None,
    };
    let mut output = Output::new(io::sink(), io::sink());
    let mut session = session(database, &mut output);
    let recipe = Arc::new(HashRecipe { cost: Cost::new(8, 1, 1).unwrap(), pepper: None });
    let workers = HashWorkers::new(&recipe, NonZeroUsize::new(2).unwrap(), None).unwrap();
    let policy = RowPolicy { ambiguous: None, verify: VerifyShare::All };
    let settings = PassSettings { policy, batch: 10, pause_file: None };
    let mut runner = PassRunner::new(&mut session, &workers, settings);
    runner.pass().await.unwrap();
    assert_eq!(runner.pass().await.unwrap().to_hash, 0);
    let counts = runner.tally.counts;
    counts.check().unwrap();
    (counts, table)
}

fn hashes(table: &MemoryTable) -> usize {
    let table = table.0.lock().unwrap();
    table.values().filter(|stored| stored.starts_with(b"$argon2id$")).count()
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_before_or_after_a_commit_loses_no_row_and_counts_none_twice() {
    for failure in [ScriptedFailure::LostBefore, ScriptedFailure::LostAfter] {
        let (counts, table) = hashed([failure, failure, failure]).await;
        assert_eq!((counts.hashed, counts.changed, counts.failed, counts.verified), (50, 0, 0, 50));
        assert_eq!(hashes(&table), 50);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_a_row_that_cannot_be_written_writes_all_other_rows() {
    let (counts, table) = hashed([ScriptedFailure::RejectsRow(7)]).await;
    assert_eq!((counts.hashed, counts.failed, counts.verified), (49, 1, 49));
    assert_eq!((hashes(&table), table.0.lock().unwrap()[&7].as_slice()), (49, &b"secret"[..]));
}

#[tokio::test]
async fn rows_with_large_values_are_read_in_small_pages_and_each_is_read_once() {
    const MEBIBYTE: usize = 1 << 20;
    let table = MemoryTable::default();
    // Small values before, between and behind the large ones.
    let size = |key| if (20..60).contains(&key) && key != 30 { MEBIBYTE } else { 1 };
    table.0.lock().unwrap().extend((0..2500).map(|key| (key, vec![b'x'; size(key)])));
    let mut output = Output::new(io::sink(), io::sink());
    let database = ScriptedDatabase { table, failures: VecDeque::new(), rejected: None };
    let mut session = session(database, &mut output);
    let (mut scan, mut read) = (TableScan::new(), Vec::new());
    while !scan.at_end() {
        let page = scan.next(&mut session).await.unwrap();
        let bytes: usize = page.iter().map(|row| size(number(&row.key))).sum();
        assert!(bytes < 9 * MEBIBYTE, "{bytes} bytes in {} rows", page.len());
        assert!(page.len() <= 1000);
        read.extend(page.iter().map(|row| number(&row.key)));
    }
    assert!(read.into_iter().eq(0..2500));
}
