//! The contents of a journal: the finished and the unknown items of earlier runs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use siphasher::sip128::SipHasher13;

use super::error::JournalErrorKind;
use super::line::{FinishSummary, JournalHeader, LineSummary, StartLine};
use crate::output::status::ItemStatus;

/// The items of earlier runs, as a multiset: an id that occurs twice in the input is two items.
///
/// It takes 24 bytes of memory for each finished item, and little else.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Sorted by key, then by offset.
    finished: Vec<FinishedItem>,
    /// For keys with several finished items: how many of these, after the first, were claimed.
    repeated: HashMap<u128, usize>,
    /// Items that started and did not finish: how many of each key.
    unknown: HashMap<u128, usize>,
    claimed: usize,
}

/// A finished item.
#[derive(Debug, Clone, Copy)]
struct FinishedItem {
    /// Two halves: a `u128` would be aligned to 16 bytes, and the struct would take 32.
    key: [u64; 2],
    /// The byte at which its line begins, with marks.
    offset: u64,
}

/// The outcome of an item in earlier runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EarlierOutcome {
    /// Finished: its result is in the line at this byte.
    Finished(u64),
    /// Started, and not finished when its run was killed.
    Unknown,
}

/// Items of a journal that the input did not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclaimed {
    pub(crate) finished: usize,
    pub(crate) unknown: usize,
}

/// A journal that was read to its end.
#[derive(Debug)]
pub(super) struct ReplayedJournal {
    pub(super) header: JournalHeader,
    pub(super) replay: Replay,
    /// The end of the last complete line.
    pub(super) end: u64,
}

/// Marks in [`FinishedItem::offset`]; no file is that long.
const FAILED: u64 = 1 << 63;
const CLAIMED: u64 = 1 << 62;
const MARKS: u64 = FAILED | CLAIMED;

/// The minimum length of a result's line, which limits the number of results in a file.
const MIN_FINISH_LINE: u64 = 128;

impl Replay {
    /// Reads a journal of `length` bytes to its end.
    ///
    /// An incomplete last line, which a crash left, does not count: its result was never reported as saved.
    pub(super) fn read(file: impl Read, length: u64) -> Result<ReplayedJournal, JournalErrorKind> {
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        let (mut line, mut offset, mut number) = (Vec::new(), 0, 1);
        reader.read_until(b'\n', &mut line).map_err(JournalErrorKind::Io)?;
        let header = complete_line(&line).and_then(|line| serde_json::from_slice(line).ok());
        let header = header.ok_or(JournalErrorKind::NoHeader)?;
        let mut builder = ReplayBuilder::default();
        // Reserved pages that are never written take no memory; if the reservation fails, the table grows step by step.
        let capacity = usize::try_from(length / MIN_FINISH_LINE).unwrap_or(0);
        let _ = builder.finished.try_reserve_exact(capacity);
        let mut bad = None;
        loop {
            offset += line.len() as u64;
            number += 1;
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(JournalErrorKind::Io)? == 0 {
                break;
            }
            match (complete_line(&line).and_then(|line| serde_json::from_slice(line).ok()), bad) {
                (Some(_), Some((byte, line))) => {
                    return Err(JournalErrorKind::Corrupt { byte, line });
                }
                (Some(summary), None) => builder.add(summary, offset),
                (None, None) => bad = Some((offset, number)),
                (None, Some(_)) => {}
            }
        }
        let end = bad.map_or(offset, |(byte, _)| byte);
        Ok(ReplayedJournal { header, replay: builder.replay(), end })
    }

    /// The earlier outcome of an item with this id. Each journaled item is returned once.
    pub(crate) fn claim(&mut self, id: &str) -> Option<EarlierOutcome> {
        let key = key(id);
        let first = self.finished.partition_point(|item| item.key < key);
        let candidate = self.finished.get_mut(first).filter(|item| item.key == key);
        if let Some(item) = candidate {
            let position = match item.offset & CLAIMED {
                0 => first,
                _ => first + 1 + *self.repeated.entry(joined(key)).or_default(),
            };
            if let Some(found) = self.finished.get_mut(position).filter(|item| item.key == key) {
                let offset = found.offset & !MARKS;
                found.offset |= CLAIMED;
                if position > first {
                    *self.repeated.entry(joined(key)).or_default() += 1;
                }
                self.claimed += 1;
                return Some(EarlierOutcome::Finished(offset));
            }
        }
        let unknown = self.unknown.get_mut(&joined(key)).filter(|count| **count > 0)?;
        *unknown -= 1;
        Some(EarlierOutcome::Unknown)
    }

    /// The items that were not claimed.
    pub(crate) fn unclaimed(&self) -> Unclaimed {
        let finished = self.finished.len() - self.claimed;
        Unclaimed { finished, unknown: self.unknown.values().sum() }
    }

    /// The offsets of failed results, in the order of the journal.
    pub(crate) fn failed(&self) -> Vec<u64> {
        let failed = self.finished.iter().filter(|item| item.offset & FAILED != 0);
        let mut offsets: Vec<_> = failed.map(|item| item.offset & !MARKS).collect();
        offsets.sort_unstable();
        offsets
    }
}

/// Collects the lines of a journal into a [`Replay`].
#[derive(Debug, Default)]
struct ReplayBuilder {
    finished: Vec<FinishedItem>,
    /// Starts without a result: at most the calls that were in flight when each run was killed.
    started: HashMap<u128, usize>,
    /// Failures that do not count, since their items started again.
    superseded: HashMap<u128, usize>,
}

impl ReplayBuilder {
    fn add(&mut self, summary: LineSummary<'_>, offset: u64) {
        match summary {
            LineSummary::Started(StartLine { id, again }) => {
                *self.started.entry(joined(key(&id))).or_default() += 1;
                if again {
                    *self.superseded.entry(joined(key(&id))).or_default() += 1;
                }
            }
            LineSummary::Released(StartLine { id, again }) => {
                decrement(&mut self.started, joined(key(&id)));
                if again {
                    decrement(&mut self.superseded, joined(key(&id)));
                }
            }
            LineSummary::Finished(FinishSummary { id, status, never_started }) => {
                let key = key(&id);
                if !never_started {
                    decrement(&mut self.started, joined(key));
                }
                // A bad input fails in every run: running it again is useless.
                let failed = !matches!(status, ItemStatus::Succeeded | ItemStatus::BadInput);
                self.finished.push(FinishedItem {
                    key,
                    offset: if failed { offset | FAILED } else { offset },
                });
            }
        }
    }

    fn replay(mut self) -> Replay {
        self.finished.sort_unstable_by_key(|item| (item.key, item.offset & !MARKS));
        let mut superseded = self.superseded;
        if !superseded.is_empty() {
            self.finished.retain(|item| {
                item.offset & FAILED == 0 || !decrement(&mut superseded, joined(item.key))
            });
        }
        Replay { finished: self.finished, unknown: self.started, ..Replay::default() }
    }
}

/// Decrements the count of a key, and returns whether it was above zero.
fn decrement(counts: &mut HashMap<u128, usize>, key: u128) -> bool {
    match counts.get_mut(&key) {
        None => false,
        Some(1) => counts.remove(&key).is_some(),
        Some(count) => {
            *count -= 1;
            true
        }
    }
}

fn complete_line(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\n")
}

/// A hash that distinguishes ids: among 10 million items, two share a hash once in 10²⁴ runs.
fn key(id: &str) -> [u64; 2] {
    let hash = SipHasher13::new().hash(id.as_bytes());
    [hash.h1, hash.h2]
}

fn joined([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"mesero_journal":1,"target":"t","id_field":"id","config":""}"#;

    fn text(lines: &[&str]) -> String {
        let mut text = format!("{HEADER}\n");
        for line in lines {
            let (event, more) = line.split_once(' ').unwrap();
            let (id, more) = more.split_once(' ').unwrap_or((more, ""));
            let more = match (event, more) {
                (_, "again") => r#","again":true"#.to_owned(),
                ("finished", status) => format!(r#","status":"{status}","attempts":1"#),
                _ => String::new(),
            };
            text.push_str(&format!("{{\"{event}\":{{\"id\":\"{id}\"{more}}}}}\n"));
        }
        text
    }

    fn replay(lines: &[&str]) -> Replay {
        let text = text(lines);
        Replay::read(text.as_bytes(), text.len() as u64).unwrap().replay
    }

    fn unclaimed(replay: &Replay) -> (usize, usize) {
        let Unclaimed { finished, unknown } = replay.unclaimed();
        (finished, unknown)
    }

    fn is_finished(replay: &mut Replay, id: &str) -> bool {
        matches!(replay.claim(id), Some(EarlierOutcome::Finished(_)))
    }

    #[test]
    fn an_id_that_occurs_twice_is_two_items() {
        let mut replay = replay(&[
            "started a",
            "started a",
            "started b",
            "finished a succeeded",
            "finished b failed",
            "started a",
            "finished a succeeded",
        ]);
        let Some(EarlierOutcome::Finished(first)) = replay.claim("a") else { panic!("finished") };
        let Some(EarlierOutcome::Finished(second)) = replay.claim("a") else {
            panic!("finished twice")
        };
        assert!(first < second, "in the order of the journal");
        assert_eq!(replay.claim("a"), Some(EarlierOutcome::Unknown));
        assert_eq!((replay.claim("a"), replay.claim("c")), (None, None));
        assert_eq!(unclaimed(&replay), (1, 0));
        assert!(is_finished(&mut replay, "b"));
        assert_eq!((replay.claim("b"), unclaimed(&replay)), (None, (0, 0)));
    }

    #[test]
    fn retracted_starts_and_superseded_failures_do_not_count() {
        let mut replay = replay(&[
            "started a",
            "released a",
            "started b",
            "finished b failed",
            "started b again",
            "finished b succeeded",
            "started c",
            "finished c failed",
            "started c again",
            "released c again",
            "started d",
            "finished d failed",
            "started d again",
            "finished e bad_input",
        ]);
        assert_eq!(replay.failed().len(), 1);
        assert_eq!(replay.claim("a"), None);
        assert!(is_finished(&mut replay, "b"));
        assert_eq!(replay.claim("b"), None);
        assert!(is_finished(&mut replay, "c"));
        assert_eq!(replay.claim("d"), Some(EarlierOutcome::Unknown));
        assert!(is_finished(&mut replay, "e"));
        assert_eq!(unclaimed(&replay), (0, 0));
    }

    #[test]
    fn complete_lines_of_a_truncated_journal_count() {
        let text = text(&["started a", "finished a succeeded", "started b"]);
        for length in HEADER.len() + 1..text.len() {
            let cut = &text.as_bytes()[..length];
            let replayed = Replay::read(cut, length as u64).unwrap();
            assert_eq!(replayed.end as usize, text[..length].rfind('\n').unwrap() + 1);
        }
        assert!(matches!(Replay::read(&b"{"[..], 1), Err(JournalErrorKind::NoHeader)));
    }
}
