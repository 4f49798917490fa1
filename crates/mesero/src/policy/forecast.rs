//! A forecast of run times, by kinds of calls, so that a job that cannot finish is never begun.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use crate::Key;
use crate::mean::Mean;
use crate::survival::Run;
use run_history::{Estimates, RunHistory};

mod run_history;

/// Number of named kinds whose run times are kept. A service has some dozens of routes; a kind from
/// an argument may have any number of values.
const MAX_KINDS: usize = 256;

/// The run times of each kind of call.
///
/// At most [`MAX_KINDS`] kinds have a name, or as many as have attempts running if those are more;
/// the idle kind that was used least recently leaves. Every step is O(1) in the attempts and
/// O(log n) in the kinds.
#[derive(Debug, Default)]
pub(crate) struct Forecast {
    /// The kind of calls that name none.
    unnamed: Kind,
    named: Slab<NamedKind>,
    indices: HashMap<Key, usize>,
    /// Named kinds without a running attempt, by their last use.
    idle: BTreeMap<u64, usize>,
    uses: u64,
}

/// A call for which there is a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) kind: Option<&'a Key>,
    /// Time until its deadline; `None` if it has none.
    pub(crate) left: Option<Duration>,
    /// True if it comes from the queue, where others may have more time left.
    pub(crate) waited: bool,
}

/// The kind of an attempt, from its beginning until its slot comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the attempt counts as running until its end"]
pub(crate) struct KindId(Option<usize>);

/// The end of an attempt, by what it says about its kind's run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// It ran to its end after this time.
    Finished(Duration),
    /// It was stopped after this time, by its timeout, its deadline or its callers' leaving: a
    /// lower bound.
    CutOff(Duration),
    /// Nothing, as where it failed: an error is often quick.
    Ignored,
}

#[derive(Debug, Default)]
struct Kind {
    history: RunHistory,
    mean: Mean,
    running: usize,
    last_start: Option<Start>,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    at: Instant,
    /// False if it had less time left than its kind needs.
    in_time: bool,
}

#[derive(Debug)]
struct NamedKind {
    key: Key,
    kind: Kind,
    last_use: u64,
}

impl Forecast {
    /// True if the candidate has the time that its kind needs, or is to begin nevertheless so that
    /// a resource that has recovered is noticed.
    ///
    /// Of the latter, one begins while none of the kind runs, and one every median run. From the
    /// queue they are rarer, since the next in it may have the time: one after two medians without
    /// a start, and the second of two quick runs, with which the past is forgotten.
    pub(crate) fn may_begin(&mut self, candidate: Candidate<'_>, now: Instant) -> bool {
        let Some(kind) = self.find(candidate.kind) else { return true };
        kind.is_in_time(candidate.left, now) || kind.must_try(candidate.waited, now)
    }

    /// Counts an attempt as running; its kind stays in the table until [`end`](Self::end).
    pub(crate) fn begin(&mut self, candidate: Candidate<'_>, now: Instant) -> KindId {
        let id = KindId(candidate.kind.map(|key| self.index(key)));
        if let Some(kind) = self.get_mut(id) {
            let in_time = kind.is_in_time(candidate.left, now);
            kind.running += 1;
            kind.last_start = Some(Start { at: now, in_time });
        }
        id
    }

    /// Records what the end of an attempt says; at most once for each [`begin`](Self::begin).
    pub(crate) fn record(&mut self, id: KindId, end: RunOutcome, now: Instant) {
        let Some(kind) = self.get_mut(id) else { return };
        let (ran, cut_off) = match end {
            RunOutcome::Finished(ran) => (ran, false),
            RunOutcome::CutOff(ran) => (ran, true),
            RunOutcome::Ignored => return,
        };
        kind.mean.record(ran);
        kind.history.record(Run { ran, cut_off }, now);
    }

    /// Counts an attempt as running no longer, once for each [`begin`](Self::begin): the resource
    /// has really stopped.
    pub(crate) fn end(&mut self, id: KindId) {
        let Some(kind) = self.get_mut(id) else { return };
        kind.running -= 1;
        if kind.running == 0
            && let Some(index) = id.0
        {
            self.rest(index);
        }
    }

    /// The time below which a call of this kind hardly ever finishes: the 10 % quantile of its
    /// run times; `None` while it is unknown.
    pub(crate) fn needed(&mut self, kind: Option<&Key>, now: Instant) -> Option<Duration> {
        self.estimates(kind, now).map(|estimates| estimates.needed)
    }

    /// The mean time for which calls of this kind run, cut off or not; `None` while it is unknown.
    pub(crate) fn mean(&self, kind: Option<&Key>) -> Option<Duration> {
        let kind = match kind {
            Some(key) => &self.named.get(*self.indices.get(key)?)?.kind,
            None => &self.unnamed,
        };
        kind.mean.known()
    }

    fn estimates(&mut self, kind: Option<&Key>, now: Instant) -> Option<Estimates> {
        self.find(kind)?.history.estimates(now)
    }

    fn find(&mut self, kind: Option<&Key>) -> Option<&mut Kind> {
        let index = match kind {
            Some(key) => Some(*self.indices.get(key)?),
            None => None,
        };
        self.get_mut(KindId(index))
    }

    fn get_mut(&mut self, id: KindId) -> Option<&mut Kind> {
        match id.0 {
            None => Some(&mut self.unnamed),
            Some(index) => self.named.get_mut(index).map(|named| &mut named.kind),
        }
    }

    /// The place of a named kind, which is no longer idle.
    fn index(&mut self, key: &Key) -> usize {
        if let Some(&index) = self.indices.get(key) {
            if let Some(named) = self.named.get(index) {
                self.idle.remove(&named.last_use);
            }
            return index;
        }
        if self.named.len() >= MAX_KINDS {
            self.evict();
        }
        let index =
            self.named.insert(NamedKind { key: key.clone(), kind: Kind::default(), last_use: 0 });
        self.indices.insert(key.clone(), index);
        index
    }

    /// Marks a kind as idle from now on.
    fn rest(&mut self, index: usize) {
        self.uses += 1;
        if let Some(named) = self.named.get_mut(index) {
            named.last_use = self.uses;
            self.idle.insert(self.uses, index);
        }
        if self.named.len() > MAX_KINDS {
            self.evict();
        }
    }

    /// Removes the idle kind that was used least recently, if there is one.
    fn evict(&mut self) {
        if let Some((_, index)) = self.idle.pop_first() {
            let NamedKind { key, .. } = self.named.remove(index);
            self.indices.remove(&key);
        }
    }
}

impl Kind {
    fn is_in_time(&mut self, left: Option<Duration>, now: Instant) -> bool {
        let needed = self.history.estimates(now).map(|estimates| estimates.needed);
        // An unknown need is less than any time.
        left.is_none_or(|left| needed <= Some(left))
    }

    fn must_try(&mut self, waited: bool, now: Instant) -> bool {
        let (Some(last_start), Some(Estimates { median, .. })) =
            (self.last_start, self.history.estimates(now))
        else {
            return true;
        };
        let since_start = now.saturating_duration_since(last_start.at);
        match (waited, last_start.in_time) {
            (false, _) => self.running == 0 || since_start >= median,
            (true, _) if self.running == 0 && self.history.last_was_quick() => true,
            (true, false) => since_start >= median,
            // Where calls run one after the other, a median since the last start is nothing unusual.
            (true, true) => since_start >= median.saturating_mul(2),
        }
    }
}

#[cfg(test)]
mod tests;
