//! What is kept for a key: the last reply, the last failure, or both; bounded by their bytes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::unsync;
use tokio::time::Instant;

use super::Cache;
use crate::Error;
use crate::call::Key;

/// What an entry costs beside its key and its value: the reply's and the key's allocations, the
/// slot in the table, the times. Counted so that a million empty replies are not free.
const OVERHEAD_BYTES: u64 = 192;
/// The guess of a reply's size that sizes the table before anything is in it.
const TYPICAL_BYTES: u64 = 1_024;
/// How long a resource that has failed is spared where no failure is remembered: long enough that
/// a resource that fails at once is not asked again and again, short for whoever waits for news.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What is kept, by key; the least used leave when there is no room.
pub(crate) struct ReplyStore<T> {
    rules: Cache<T>,
    entries: unsync::Cache<Key, CacheEntry<T>, WeightInBytes>,
}

/// What a call finds.
#[derive(Debug)]
pub(crate) enum Lookup<T> {
    Fresh(Aged<Arc<T>>),
    /// To be given at once; and whether it is time for a new one.
    Stale {
        reply: Aged<Arc<T>>,
        refresh: bool,
    },
    Failure(Aged<Error>),
}

/// Something kept, and how old it is.
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

/// The last job of the key has failed since the reply came.
#[derive(Clone)]
struct RecentFailure {
    /// None where failures of this kind are not remembered.
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

    /// What a call of `key` is answered with at once.
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
        // Nothing of it will be of use again.
        entries.remove(key);
        None
    }

    /// The reply that may be given in place of an error.
    pub(crate) fn instead_of_error(&self, key: &Key, now: Instant) -> Option<Aged<Arc<T>>> {
        let reply = self.entries.get(key)?.reply.as_ref()?;
        let age = now - reply.since;
        let serves = self.rules.is_within(self.rules.stale_if_error, age);
        serves.then(|| Aged { value: Arc::clone(&reply.value), age })
    }

    /// Keeps a reply from now on, if there is room for it at all.
    pub(crate) fn put(&mut self, key: Key, value: Arc<T>, now: Instant) {
        let bytes = u64::try_from((self.rules.size_of)(&value)).unwrap_or(u64::MAX);
        let reply = Some(StoredReply { value, since: now, bytes });
        self.entries.insert(key, CacheEntry { reply, failure: None });
    }

    /// Spares the resource for a while: it has failed.
    pub(crate) fn put_failure(&mut self, key: Key, error: &Error, now: Instant) {
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

    /// How long a resource that has failed is not asked again, where there is another answer.
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
