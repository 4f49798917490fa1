//! What a journal says of the runs before: which items are done, and of which nobody knows.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

use siphasher::sip128::SipHasher13;

use super::line::{FinishSummary, JournalHeader, LineSummary, StartLine};
use crate::output::record::ItemStatus;

/// The items of earlier runs, as a multiset: an item that the input has twice is two items.
///
/// It takes 24 bytes for each item that is done, and next to nothing else.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// In the order of their keys, those of one key as they ended.
    done: Vec<FinishedOffset>,
    /// Of keys that several items have: how many of them were asked for.
    repeated: HashMap<u128, usize>,
    /// Items that had begun and not ended; how many of a key.
    unknown: HashMap<u128, usize>,
    claimed: usize,
}

/// An item that is done.
#[derive(Debug, Clone, Copy)]
struct FinishedOffset {
    /// Two halves, as a whole one would need room to be aligned.
    key: [u64; 2],
    /// Where its line is.
    at: u64,
}

/// What is known of an item of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EarlierOutcome {
    /// It is done; its result is in the line at this byte.
    Finished(u64),
    /// It had begun, and did not end.
    Unknown,
}

/// What was read.
#[derive(Debug)]
pub(super) struct ReplayedJournal {
    pub(super) header: JournalHeader,
    pub(super) replay: Replay,
    /// Where the lines end that are whole.
    pub(super) end: u64,
}

/// Why nothing can be made of a journal.
#[derive(Debug)]
pub(super) enum ReplayError {
    Io(io::Error),
    /// The first line is none of ours.
    NoHeader,
    /// This line is none of ours, and those after it are.
    Corrupt {
        byte: u64,
        line: u64,
    },
}

/// Marks of [`FinishedOffset::at`]; no file is so long.
const FAILED: u64 = 1 << 63;
const CLAIMED: u64 = 1 << 62;
const MARKS: u64 = FAILED | CLAIMED;

/// No line of an item that is done is shorter: so long a file has at most so many.
const MIN_FINISH_LINE: u64 = 128;

impl Replay {
    /// Reads a journal of so many bytes to its end.
    ///
    /// What the last write left half done, after a crash, does not count: nobody was told that it was kept.
    pub(super) fn read(file: impl Read, length: u64) -> Result<ReplayedJournal, ReplayError> {
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        let (mut line, mut at, mut number) = (Vec::new(), 0, 1);
        reader.read_until(b'\n', &mut line).map_err(ReplayError::Io)?;
        let header = complete_line(&line).and_then(|line| serde_json::from_slice(line).ok());
        let header = header.ok_or(ReplayError::NoHeader)?;
        let mut builder = ReplayBuilder::default();
        // Memory that is never touched is never taken; without it the table grows as it must.
        let capacity = usize::try_from(length / MIN_FINISH_LINE).unwrap_or(0);
        let _ = builder.done.try_reserve_exact(capacity);
        let mut bad = None;
        loop {
            at += line.len() as u64;
            number += 1;
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(ReplayError::Io)? == 0 {
                break;
            }
            match (complete_line(&line).and_then(|line| serde_json::from_slice(line).ok()), bad) {
                (Some(_), Some((byte, line))) => return Err(ReplayError::Corrupt { byte, line }),
                (Some(summary), None) => builder.line(summary, at),
                (None, None) => bad = Some((at, number)),
                (None, Some(_)) => {}
            }
        }
        let end = bad.map_or(at, |(byte, _)| byte);
        Ok(ReplayedJournal { header, replay: builder.replay(), end })
    }

    /// What is known of an item with this id, once for every item that has it.
    pub(crate) fn claim(&mut self, id: &str) -> Option<EarlierOutcome> {
        let key = key(id);
        let first = self.done.partition_point(|done| done.key < key);
        let candidate = self.done.get_mut(first).filter(|done| done.key == key);
        if let Some(done) = candidate {
            let place = match done.at & CLAIMED {
                0 => first,
                _ => first + 1 + *self.repeated.entry(joined(key)).or_default(),
            };
            if let Some(found) = self.done.get_mut(place).filter(|done| done.key == key) {
                let at = found.at & !MARKS;
                found.at |= CLAIMED;
                if place > first {
                    *self.repeated.entry(joined(key)).or_default() += 1;
                }
                self.claimed += 1;
                return Some(EarlierOutcome::Finished(at));
            }
        }
        let unknown = self.unknown.get_mut(&joined(key)).filter(|count| **count > 0)?;
        *unknown -= 1;
        Some(EarlierOutcome::Unknown)
    }

    /// Items of the journal that nobody has asked for: done, and unknown.
    pub(crate) fn unclaimed(&self) -> (usize, usize) {
        (self.done.len() - self.claimed, self.unknown.values().sum())
    }

    /// Where the lines of those that failed are, in the order in which they ended.
    pub(crate) fn failed(&self) -> Vec<u64> {
        let failed = self.done.iter().filter(|done| done.at & FAILED != 0);
        let mut places: Vec<_> = failed.map(|done| done.at & !MARKS).collect();
        places.sort_unstable();
        places
    }
}

/// What adds up to a [`Replay`].
#[derive(Debug, Default)]
struct ReplayBuilder {
    done: Vec<FinishedOffset>,
    /// Starts without an end; no more than ran at once when a run was cut off.
    started: HashMap<u128, usize>,
    /// Failures that do not count, since their items began again.
    superseded: HashMap<u128, usize>,
}

impl ReplayBuilder {
    fn line(&mut self, summary: LineSummary<'_>, at: u64) {
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
                // What is no item fails in every run, until it is another one.
                let failed = !matches!(status, ItemStatus::Succeeded | ItemStatus::BadInput);
                self.done.push(FinishedOffset { key, at: if failed { at | FAILED } else { at } });
            }
        }
    }

    fn replay(mut self) -> Replay {
        self.done.sort_unstable_by_key(|done| (done.key, done.at & !MARKS));
        let mut superseded = self.superseded;
        if !superseded.is_empty() {
            self.done.retain(|done| {
                done.at & FAILED == 0 || !decrement(&mut superseded, joined(done.key))
            });
        }
        Replay { done: self.done, unknown: self.started, ..Replay::default() }
    }
}

/// Counts down, and says whether there was one.
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

/// A hash by which ids are told apart: at 10 million items two are mistaken for each other once in 10²⁴ runs.
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

    fn is_done(replay: &mut Replay, id: &str) -> bool {
        matches!(replay.claim(id), Some(EarlierOutcome::Finished(_)))
    }

    #[test]
    fn an_item_that_is_there_twice_is_two_items() {
        let mut replay = replay(&[
            "started a",
            "started a",
            "started b",
            "finished a succeeded",
            "finished b failed",
            "started a",
            "finished a succeeded",
        ]);
        let Some(EarlierOutcome::Finished(first)) = replay.claim("a") else { panic!("it is done") };
        let Some(EarlierOutcome::Finished(second)) = replay.claim("a") else {
            panic!("it is done twice")
        };
        assert!(first < second, "they come as they ended");
        assert_eq!(replay.claim("a"), Some(EarlierOutcome::Unknown));
        assert_eq!((replay.claim("a"), replay.claim("c")), (None, None));
        assert_eq!(replay.unclaimed(), (1, 0));
        assert!(is_done(&mut replay, "b"));
        assert_eq!((replay.claim("b"), replay.unclaimed()), (None, (0, 0)));
    }

    #[test]
    fn a_start_that_was_taken_back_is_none_and_a_failure_that_was_tried_again_does_not_count() {
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
        assert!(is_done(&mut replay, "b"));
        assert_eq!(replay.claim("b"), None);
        assert!(is_done(&mut replay, "c"));
        assert_eq!(replay.claim("d"), Some(EarlierOutcome::Unknown));
        assert!(is_done(&mut replay, "e"));
        assert_eq!(replay.unclaimed(), (0, 0));
    }

    #[test]
    fn cut_off_anywhere_the_lines_before_count() {
        let text = text(&["started a", "finished a succeeded", "started b"]);
        for length in HEADER.len() + 1..text.len() {
            let cut = &text.as_bytes()[..length];
            let replayed = Replay::read(cut, length as u64).unwrap();
            assert_eq!(replayed.end as usize, text[..length].rfind('\n').unwrap() + 1);
        }
        assert!(matches!(Replay::read(&b"{"[..], 1), Err(ReplayError::NoHeader)));
    }
}
