//! How fast rows are written: slower as soon as the database gets slower, and not at all while somebody says so.

use std::path::PathBuf;
use std::time::Duration;

/// Says how long to rest after each write.
///
/// What the first writes take is what is usual, by their median. When one takes [`SLOW`] times
/// that, others are being kept waiting, and rests begin; they double while it stays so, and halve
/// when it is over.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    first: Vec<Duration>,
    usual: Option<Duration>,
    rest: Duration,
}

const FIRST: usize = 9;
const SLOW: u32 = 4;
/// A write that takes less than this keeps nobody waiting, whatever is usual.
const HARMLESS: Duration = Duration::from_millis(50);
const LEAST: Duration = Duration::from_millis(50);
const MOST: Duration = Duration::from_secs(5);

impl Throttle {
    /// After a write that took so long: how long to rest.
    pub(crate) fn after(&mut self, took: Duration) -> Duration {
        let Some(usual) = self.usual else {
            self.first.push(took);
            if self.first.len() == FIRST {
                self.first.sort();
                self.usual = self.first.get(FIRST / 2).copied();
            }
            return Duration::ZERO;
        };
        self.rest = match took > HARMLESS && took > usual * SLOW {
            true => (self.rest * 2).clamp(LEAST, MOST),
            false if self.rest <= LEAST => Duration::ZERO,
            false => self.rest / 2,
        };
        self.rest
    }
}

/// A file that stops all new work while it exists.
#[derive(Debug)]
pub(crate) struct PauseFile {
    path: Option<PathBuf>,
    pub(crate) is_there: bool,
}

impl PauseFile {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, is_there: false }
    }

    /// Looks; says what changed since the last look, if anything did.
    pub(crate) fn look(&mut self) -> Option<String> {
        let path = self.path.as_ref()?;
        let is_there = path.exists();
        if is_there == self.is_there {
            return None;
        }
        self.is_there = is_there;
        Some(match is_there {
            true => format!("paused: nothing is begun while `{}` exists", path.display()),
            false => "going on".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(20);

    fn settled() -> Throttle {
        let mut throttle = Throttle::default();
        for _ in 0..FIRST {
            assert_eq!(throttle.after(USUAL), Duration::ZERO);
        }
        throttle
    }

    #[test]
    fn a_database_that_gets_slow_is_given_rests_that_grow_and_end() {
        let mut throttle = settled();
        assert_eq!(throttle.after(USUAL * 2), Duration::ZERO);
        assert_eq!(throttle.after(USUAL * 5), Duration::from_millis(50));
        assert_eq!(throttle.after(USUAL * 5), Duration::from_millis(100));
        assert_eq!(throttle.after(USUAL), Duration::from_millis(50));
        assert_eq!(throttle.after(USUAL), Duration::ZERO);
    }

    #[test]
    fn a_rest_is_never_longer_than_five_seconds() {
        let mut throttle = settled();
        for _ in 0..20 {
            assert!(throttle.after(USUAL * 100) <= MOST);
        }
    }

    #[test]
    fn short_writes_need_no_rest_however_short_they_were_before() {
        let mut throttle = Throttle::default();
        for _ in 0..FIRST {
            throttle.after(Duration::from_micros(10));
        }
        assert_eq!(throttle.after(Duration::from_millis(40)), Duration::ZERO);
    }
}
