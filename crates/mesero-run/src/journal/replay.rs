//! What a journal says of the runs before: which items are done, and of which nobody knows.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

use siphasher::sip128::SipHasher13;

use super::line::{End, Glance, Header, Start};
use crate::output::record::Status;

/// The items of earlier runs, as a multiset: an item that the input has twice is two items.
///
/// It takes 24 bytes for each item that is done, and next to nothing else.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// In the order of their keys, those of one key as they ended.
    done: Vec<Done>,
    /// Of keys that several items have: how many of them were asked for.
    repeated: HashMap<u128, usize>,
    /// Items that had begun and not ended; how many of a key.
    unknown: HashMap<u128, usize>,
    asked: usize,
}

/// An item that is done.
#[derive(Debug, Clone, Copy)]
struct Done {
    /// Two halves, as a whole one would need room to be aligned.
    key: [u64; 2],
    /// Where its line is.
    at: u64,
}

/// What is known of an item of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is done; its result is in the line at this byte.
    Done(u64),
    /// It had begun, and did not end.
    Unknown,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) header: Header,
    pub(super) past: Past,
    /// Where the lines end that are whole.
    pub(super) end: u64,
}

/// Why nothing can be made of a journal.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    /// The first line is none of ours.
    NoHeader,
    /// This line is none of ours, and those after it are.
    At {
        byte: u64,
        line: u64,
    },
}

/// Marks of [`Done::at`]; no file is so long.
const FAILED: u64 = 1 << 63;
const ASKED: u64 = 1 << 62;
const MARKS: u64 = FAILED | ASKED;

/// No line of an item that is done is shorter: so long a file has at most so many.
const SHORTEST: u64 = 128;

impl Past {
    /// Reads a journal of so many bytes to its end.
    ///
    /// What the last write left half done, after a crash, does not count: nobody was told that it was kept.
    pub(super) fn read(file: impl Read, length: u64) -> Result<Whole, Unreadable> {
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        let (mut line, mut at, mut number) = (Vec::new(), 0, 1);
        reader.read_until(b'\n', &mut line).map_err(Unreadable::Io)?;
        let header = whole(&line).and_then(|line| serde_json::from_slice(line).ok());
        let header = header.ok_or(Unreadable::NoHeader)?;
        let mut reading = Reading::default();
        // Memory that is never touched is never taken; without it the table grows as it must.
        let room = usize::try_from(length / SHORTEST).unwrap_or(0);
        let _ = reading.done.try_reserve_exact(room);
        let mut bad = None;
        loop {
            at += line.len() as u64;
            number += 1;
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(Unreadable::Io)? == 0 {
                break;
            }
            match (whole(&line).and_then(|line| serde_json::from_slice(line).ok()), bad) {
                (Some(_), Some((byte, line))) => return Err(Unreadable::At { byte, line }),
                (Some(glance), None) => reading.line(glance, at),
                (None, None) => bad = Some((at, number)),
                (None, Some(_)) => {}
            }
        }
        let end = bad.map_or(at, |(byte, _)| byte);
        Ok(Whole { header, past: reading.past(), end })
    }

    /// What is known of an item with this id, once for every item that has it.
    pub(crate) fn ask(&mut self, id: &str) -> Option<Known> {
        let key = key(id);
        let first = self.done.partition_point(|done| done.key < key);
        let candidate = self.done.get_mut(first).filter(|done| done.key == key);
        if let Some(done) = candidate {
            let place = match done.at & ASKED {
                0 => first,
                _ => first + 1 + *self.repeated.entry(one(key)).or_default(),
            };
            if let Some(found) = self.done.get_mut(place).filter(|done| done.key == key) {
                let at = found.at & !MARKS;
                found.at |= ASKED;
                if place > first {
                    *self.repeated.entry(one(key)).or_default() += 1;
                }
                self.asked += 1;
                return Some(Known::Done(at));
            }
        }
        let unknown = self.unknown.get_mut(&one(key)).filter(|count| **count > 0)?;
        *unknown -= 1;
        Some(Known::Unknown)
    }

    /// Items of the journal that nobody has asked for: done, and unknown.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.done.len() - self.asked, self.unknown.values().sum())
    }

    /// Where the lines of those that failed are, in the order in which they ended.
    pub(crate) fn failed(&self) -> Vec<u64> {
        let failed = self.done.iter().filter(|done| done.at & FAILED != 0);
        let mut places: Vec<_> = failed.map(|done| done.at & !MARKS).collect();
        places.sort_unstable();
        places
    }
}

/// What adds up to a [`Past`].
#[derive(Debug, Default)]
struct Reading {
    done: Vec<Done>,
    /// Starts without an end; no more than ran at once when a run was cut off.
    begun: HashMap<u128, usize>,
    /// Failures that do not count, since their items began again.
    void: HashMap<u128, usize>,
}

impl Reading {
    fn line(&mut self, glance: Glance<'_>, at: u64) {
        match glance {
            Glance::Started(Start { id, again }) => {
                *self.begun.entry(one(key(&id))).or_default() += 1;
                if again {
                    *self.void.entry(one(key(&id))).or_default() += 1;
                }
            }
            Glance::Released(Start { id, again }) => {
                one_less(&mut self.begun, one(key(&id)));
                if again {
                    one_less(&mut self.void, one(key(&id)));
                }
            }
            Glance::Finished(End { id, status, unbegun }) => {
                let key = key(&id);
                if !unbegun {
                    one_less(&mut self.begun, one(key));
                }
                // What is no item fails in every run, until it is another one.
                let failed = !matches!(status, Status::Succeeded | Status::BadInput);
                self.done.push(Done { key, at: if failed { at | FAILED } else { at } });
            }
        }
    }

    fn past(mut self) -> Past {
        self.done.sort_unstable_by_key(|done| (done.key, done.at & !MARKS));
        let mut void = self.void;
        if !void.is_empty() {
            self.done.retain(|done| done.at & FAILED == 0 || !one_less(&mut void, one(done.key)));
        }
        Past { done: self.done, unknown: self.begun, ..Past::default() }
    }
}

/// Counts down, and says whether there was one.
fn one_less(counts: &mut HashMap<u128, usize>, key: u128) -> bool {
    match counts.get_mut(&key) {
        None => false,
        Some(1) => counts.remove(&key).is_some(),
        Some(count) => {
            *count -= 1;
            true
        }
    }
}

fn whole(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\n")
}

/// A hash by which ids are told apart: at 10 million items two are mistaken for each other once in 10²⁴ runs.
fn key(id: &str) -> [u64; 2] {
    let hash = SipHasher13::new().hash(id.as_bytes());
    [hash.h1, hash.h2]
}

fn one([high, low]: [u64; 2]) -> u128 {
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

    fn past(lines: &[&str]) -> Past {
        let text = text(lines);
        Past::read(text.as_bytes(), text.len() as u64).unwrap().past
    }

    fn is_done(past: &mut Past, id: &str) -> bool {
        matches!(past.ask(id), Some(Known::Done(_)))
    }

    #[test]
    fn an_item_that_is_there_twice_is_two_items() {
        let mut past = past(&[
            "started a",
            "started a",
            "started b",
            "finished a succeeded",
            "finished b failed",
            "started a",
            "finished a succeeded",
        ]);
        let Some(Known::Done(first)) = past.ask("a") else { panic!("it is done") };
        let Some(Known::Done(second)) = past.ask("a") else { panic!("it is done twice") };
        assert!(first < second, "they come as they ended");
        assert_eq!(past.ask("a"), Some(Known::Unknown));
        assert_eq!((past.ask("a"), past.ask("c")), (None, None));
        assert_eq!(past.left(), (1, 0));
        assert!(is_done(&mut past, "b"));
        assert_eq!((past.ask("b"), past.left()), (None, (0, 0)));
    }

    #[test]
    fn a_start_that_was_taken_back_is_none_and_a_failure_that_was_tried_again_does_not_count() {
        let mut past = past(&[
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
        assert_eq!(past.failed().len(), 1);
        assert_eq!(past.ask("a"), None);
        assert!(is_done(&mut past, "b"));
        assert_eq!(past.ask("b"), None);
        assert!(is_done(&mut past, "c"));
        assert_eq!(past.ask("d"), Some(Known::Unknown));
        assert!(is_done(&mut past, "e"));
        assert_eq!(past.left(), (0, 0));
    }

    #[test]
    fn cut_off_anywhere_the_lines_before_count() {
        let text = text(&["started a", "finished a succeeded", "started b"]);
        for length in HEADER.len() + 1..text.len() {
            let cut = &text.as_bytes()[..length];
            let whole = Past::read(cut, length as u64).unwrap();
            assert_eq!(whole.end as usize, text[..length].rfind('\n').unwrap() + 1);
        }
        assert!(matches!(Past::read(&b"{"[..], 1), Err(Unreadable::NoHeader)));
    }
}
