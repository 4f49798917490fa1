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
const SPARED: Duration = Duration::from_secs(1);

/// What is kept, by key; the least used leave when there is no room.
pub(crate) struct Store<T> {
    rules: Cache<T>,
    kept: unsync::Cache<Key, Kept<T>, ByBytes>,
}

/// What a call finds.
#[derive(Debug)]
pub(crate) enum Found<T> {
    Fresh(Dated<Arc<T>>),
    /// To be given at once; and whether it is time for a new one.
    Stale {
        reply: Dated<Arc<T>>,
        refresh: bool,
    },
    Failure(Dated<Error>),
}

/// Something kept, and how old it is.
#[derive(Debug)]
pub(crate) struct Dated<V> {
    pub(crate) value: V,
    pub(crate) age: Duration,
}

#[derive(Clone)]
struct Kept<T> {
    reply: Option<Reply<T>>,
    failure: Option<Failure>,
}

struct Reply<T> {
    value: Arc<T>,
    since: Instant,
    bytes: u64,
}

/// The last job of the key has failed since the reply came.
#[derive(Clone)]
struct Failure {
    /// None where failures of this kind are not remembered.
    error: Option<Error>,
    since: Instant,
}

#[derive(Clone)]
struct ByBytes;

impl<T> Weighter<Key, Kept<T>> for ByBytes {
    fn weight(&self, key: &Key, kept: &Kept<T>) -> u64 {
        let reply = kept.reply.as_ref().map_or(0, |reply| reply.bytes);
        let error = kept.failure.as_ref().and_then(|failure| failure.error.as_ref());
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

impl<T> Store<T> {
    pub(crate) fn new(rules: Cache<T>) -> Self {
        let entries = usize::try_from(rules.bytes / TYPICAL_BYTES).unwrap_or(usize::MAX);
        let kept = unsync::Cache::with_weighter(entries.clamp(16, 1 << 20), rules.bytes, ByBytes);
        Self { rules, kept }
    }

    /// What a call of `key` is answered with at once.
    pub(crate) fn look_up(&mut self, key: &Key, now: Instant) -> Option<Found<T>> {
        let Self { rules, kept } = self;
        let entry = kept.get(key)?;
        let failing = entry.failure.as_ref().filter(|failure| now - failure.since < rules.spared());
        if let Some(reply) = &entry.reply {
            let age = now - reply.since;
            let dated = || Dated { value: Arc::clone(&reply.value), age };
            if age < rules.ttl {
                return Some(Found::Fresh(dated()));
            }
            if rules.is_within(rules.stale_while_revalidate, age) {
                return Some(Found::Stale { reply: dated(), refresh: failing.is_none() });
            }
            if rules.is_within(rules.stale_if_error, age) {
                let stale = Found::Stale { reply: dated(), refresh: false };
                return failing.map(|_| stale);
            }
        }
        if let Some(Failure { error: Some(error), since }) = failing {
            return Some(Found::Failure(Dated { value: error.clone(), age: now - *since }));
        }
        // Nothing of it will be of use again.
        kept.remove(key);
        None
    }

    /// The reply that may be given in place of an error.
    pub(crate) fn instead_of_error(&self, key: &Key, now: Instant) -> Option<Dated<Arc<T>>> {
        let reply = self.kept.get(key)?.reply.as_ref()?;
        let age = now - reply.since;
        let serves = self.rules.is_within(self.rules.stale_if_error, age);
        serves.then(|| Dated { value: Arc::clone(&reply.value), age })
    }

    /// Keeps a reply from now on, if there is room for it at all.
    pub(crate) fn put(&mut self, key: Key, value: Arc<T>, now: Instant) {
        let bytes = u64::try_from((self.rules.size_of)(&value)).unwrap_or(u64::MAX);
        let reply = Some(Reply { value, since: now, bytes });
        self.kept.insert(key, Kept { reply, failure: None });
    }

    /// Spares the resource for a while: it has failed.
    pub(crate) fn put_failure(&mut self, key: Key, error: &Error, now: Instant) {
        let negative = self.rules.negative.as_ref();
        let error = negative.is_some_and(|rule| (rule.names)(error)).then(|| error.clone());
        let stale = self.rules.stale_while_revalidate.max(self.rules.stale_if_error);
        let reply = self.kept.get(&key).and_then(|kept| kept.reply.clone());
        let reply = reply.filter(|reply| self.rules.is_within(stale, now - reply.since));
        if error.is_some() || reply.is_some() {
            let failure = Some(Failure { error, since: now });
            self.kept.insert(key, Kept { reply, failure });
        }
    }
}

impl<T> Cache<T> {
    fn is_within(&self, window: Duration, age: Duration) -> bool {
        age < self.ttl.saturating_add(window)
    }

    /// How long a resource that has failed is not asked again, where there is another answer.
    fn spared(&self) -> Duration {
        self.negative.as_ref().map_or(SPARED, |negative| negative.ttl)
    }
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), since: self.since, bytes: self.bytes }
    }
}

impl<T> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("entries", &self.kept.len())
            .field("bytes", &self.kept.weight())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
