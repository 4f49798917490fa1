//! The cache's entries by key: the last reply, the last failure, or both; bounded by their bytes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::unsync;
use tokio::time::Instant;

use super::Cache;
use crate::Error;
use crate::call::Key;

/// The overhead of an entry beside its key and its value: the reply's and the key's allocations,
/// the slot in the table, the times. Counted so that a million empty replies are not free.
const OVERHEAD_BYTES: u64 = 192;
/// An assumed reply size, which sizes the table before it has entries.
const TYPICAL_BYTES: u64 = 1_024;
/// The pause after a failure where failures are not cached: long enough that a resource that fails
/// at once is not called again and again, short for callers that wait for a new reply.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The entries by key; the least used are evicted when there is no room.
pub(crate) struct ReplyStore<T> {
    rules: Cache<T>,
    entries: unsync::Cache<Key, CacheEntry<T>, WeightInBytes>,
}

/// The result of a look-up.
#[derive(Debug)]
pub(crate) enum Lookup<T> {
    Fresh(Aged<Arc<T>>),
    /// Answers the call at once; `refresh` asks for a new reply.
    Stale {
        reply: Aged<Arc<T>>,
        refresh: bool,
    },
    Failure(Aged<Error>),
}

/// A cached value, and its age.
#[derive(Debug)]
pub(crate) struct Aged<V> {
    pub(crate) value: V,
    pub(crate) age: Duration,
}

#[derive(Clone)]
struct CacheEntry<T> {
    reply: Option<StoredReply<T>>,
    failure: Option<RecentFailure>,
}

struct StoredReply<T> {
    value: Arc<T>,
    since: Instant,
    bytes: u64,
}

/// A failure of the key's last job, after the reply was stored.
#[derive(Clone)]
struct RecentFailure {
    /// `None` if failures of this kind are not cached.
    error: Option<Error>,
    since: Instant,
}

#[derive(Clone)]
struct WeightInBytes;

impl<T> Weighter<Key, CacheEntry<T>> for WeightInBytes {
    fn weight(&self, key: &Key, entry: &CacheEntry<T>) -> u64 {
        let reply = entry.reply.as_ref().map_or(0, |reply| reply.bytes);
        let error = entry.failure.as_ref().and_then(|failure| failure.error.as_ref());
        let text = match error {
            Some(Error::Failed(failure)) => {
                failure.message().len() + failure.detail().map_or(0, str::len)
            }
            _ => 0,
        };
        OVERHEAD_BYTES
            .saturating_add(reply)
            .saturating_add(u64::try_from(key.as_str().len() + text).unwrap_or(u64::MAX))
    }
}

impl<T> ReplyStore<T> {
    pub(crate) fn new(rules: Cache<T>) -> Self {
        let expected = usize::try_from(rules.bytes / TYPICAL_BYTES).unwrap_or(usize::MAX);
        let entries =
            unsync::Cache::with_weighter(expected.clamp(16, 1 << 20), rules.bytes, WeightInBytes);
        Self { rules, entries }
    }

    /// Looks up the answer that a call of `key` gets at once.
    pub(crate) fn look_up(&mut self, key: &Key, now: Instant) -> Option<Lookup<T>> {
        let Self { rules, entries } = self;
        let entry = entries.get(key)?;
        let failing = entry
            .failure
            .as_ref()
            .filter(|failure| now - failure.since < rules.pause_after_failure());
        if let Some(reply) = &entry.reply {
            let age = now - reply.since;
            let aged = || Aged { value: Arc::clone(&reply.value), age };
            if age < rules.ttl {
                return Some(Lookup::Fresh(aged()));
            }
            if rules.is_within(rules.stale_while_revalidate, age) {
                return Some(Lookup::Stale { reply: aged(), refresh: failing.is_none() });
            }
            if rules.is_within(rules.stale_if_error, age) {
                let stale = Lookup::Stale { reply: aged(), refresh: false };
                return failing.map(|_| stale);
            }
        }
        if let Some(RecentFailure { error: Some(error), since }) = failing {
            return Some(Lookup::Failure(Aged { value: error.clone(), age: now - *since }));
        }
        // The entry can answer no further call.
        entries.remove(key);
        None
    }

    /// The stale reply that may replace an error.
    pub(crate) fn stale_reply(&self, key: &Key, now: Instant) -> Option<Aged<Arc<T>>> {
        let reply = self.entries.get(key)?.reply.as_ref()?;
        let age = now - reply.since;
        let serves = self.rules.is_within(self.rules.stale_if_error, age);
        serves.then(|| Aged { value: Arc::clone(&reply.value), age })
    }

    /// Stores a reply, unless it is larger than the cache.
    pub(crate) fn insert(&mut self, key: Key, value: Arc<T>, now: Instant) {
        let bytes = u64::try_from((self.rules.size_of)(&value)).unwrap_or(u64::MAX);
        let reply = Some(StoredReply { value, since: now, bytes });
        self.entries.insert(key, CacheEntry { reply, failure: None });
    }

    /// Stores a failure, which pauses further calls of the key.
    pub(crate) fn insert_failure(&mut self, key: Key, error: &Error, now: Instant) {
        let negative = self.rules.negative.as_ref();
        let error = negative.is_some_and(|rule| (rule.remembers)(error)).then(|| error.clone());
        let stale = self.rules.stale_while_revalidate.max(self.rules.stale_if_error);
        let reply = self.entries.get(&key).and_then(|entry| entry.reply.clone());
        let reply = reply.filter(|reply| self.rules.is_within(stale, now - reply.since));
        if error.is_some() || reply.is_some() {
            let failure = Some(RecentFailure { error, since: now });
            self.entries.insert(key, CacheEntry { reply, failure });
        }
    }
}

impl<T> Cache<T> {
    fn is_within(&self, window: Duration, age: Duration) -> bool {
        age < self.ttl.saturating_add(window)
    }

    /// The pause after a failure, where another answer exists.
    fn pause_after_failure(&self) -> Duration {
        self.negative.as_ref().map_or(PAUSE_AFTER_FAILURE, |negative| negative.ttl)
    }
}

impl<T> Clone for StoredReply<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), since: self.since, bytes: self.bytes }
    }
}

impl<T> fmt::Debug for ReplyStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStore")
            .field("entries", &self.entries.len())
            .field("bytes", &self.entries.weight())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
