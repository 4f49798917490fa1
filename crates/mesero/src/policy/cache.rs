//! Replies kept for a while, bounded by their bytes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::unsync;
use tokio::time::Instant;

use crate::call::Key;

/// What an entry costs beside its key and its value: the reply's and the key's allocations, the
/// slot in the table, the time. Counted so that a million empty replies are not free.
const OVERHEAD_BYTES: u64 = 128;
/// The guess of a reply's size that sizes the table before anything is in it.
const TYPICAL_BYTES: u64 = 1_024;

/// How long replies are kept, and how much room they may take.
pub(crate) struct Settings<T> {
    pub(crate) ttl: Duration,
    pub(crate) bytes: u64,
    pub(crate) size_of: fn(&T) -> usize,
}

/// Replies by key; the least used leave when there is no room.
pub(crate) struct Cache<T> {
    settings: Settings<T>,
    kept: unsync::Cache<Key, Kept<T>, ByBytes>,
}

#[derive(Clone)]
struct Kept<T> {
    value: Arc<T>,
    /// None where that lies beyond the clock's end.
    until: Option<Instant>,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl<T> Weighter<Key, Kept<T>> for ByBytes {
    fn weight(&self, _key: &Key, kept: &Kept<T>) -> u64 {
        kept.bytes
    }
}

impl<T> Cache<T> {
    pub(crate) fn new(settings: Settings<T>) -> Self {
        let entries = usize::try_from(settings.bytes / TYPICAL_BYTES).unwrap_or(usize::MAX);
        let kept =
            unsync::Cache::with_weighter(entries.clamp(16, 1 << 20), settings.bytes, ByBytes);
        Self { settings, kept }
    }

    /// The reply kept for `key`, unless its time is over.
    pub(crate) fn get(&mut self, key: &Key, now: Instant) -> Option<Arc<T>> {
        let kept = self.kept.get(key)?;
        if kept.until.is_some_and(|until| until <= now) {
            self.kept.remove(key);
            return None;
        }
        Some(Arc::clone(&kept.value))
    }

    /// Keeps a reply from now on, if there is room for it at all.
    pub(crate) fn put(&mut self, key: Key, value: Arc<T>, now: Instant) {
        let size = (self.settings.size_of)(&value).saturating_add(key.as_str().len());
        let bytes = OVERHEAD_BYTES.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        let until = now.checked_add(self.settings.ttl);
        self.kept.insert(key, Kept { value, until, bytes });
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("entries", &self.kept.len())
            .field("bytes", &self.kept.weight())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(bytes: u64) -> Cache<String> {
        Cache::new(Settings { ttl: Duration::from_secs(60), bytes, size_of: String::len })
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_is_kept_for_its_time_and_not_a_moment_longer() {
        let mut cache = cache(10_000);
        let now = Instant::now();
        cache.put("k".into(), Arc::new("v".to_owned()), now);
        assert_eq!(
            cache.get(&"k".into(), now + Duration::from_millis(59_999)).unwrap().as_str(),
            "v"
        );
        assert!(cache.get(&"k".into(), now + Duration::from_secs(60)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_bytes_kept_never_exceed_the_bound() {
        let mut cache = cache(10_000);
        let now = Instant::now();
        for n in 0..1_000 {
            cache.put(format!("key {n}").into(), Arc::new("x".repeat(n)), now);
            assert!(cache.kept.weight() <= 10_000);
        }
        assert!(cache.kept.len() > 1);
    }
}
