//! Pauses between writes when the database becomes slow.

use std::time::Duration;

/// Chooses the pause after each write.
///
/// The median duration of the first writes is the baseline. A write that takes [`SLOWDOWN`] times as
/// long means that other programs are delayed: then pauses begin, are doubled with each slow write, and
/// halved with each other one.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    first: Vec<Duration>,
    baseline: Option<Duration>,
    pause: Duration,
}

/// Writes from which the baseline is computed.
const BASELINE_WRITES: usize = 9;
const SLOWDOWN: u32 = 4;
/// A shorter write is never slow: it delays no other program noticeably.
const UNNOTICED: Duration = Duration::from_millis(50);
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);

impl Throttle {
    /// The pause after a write of this duration.
    pub(crate) fn pause_after(&mut self, write: Duration) -> Duration {
        let Some(baseline) = self.baseline else {
            self.first.push(write);
            if self.first.len() == BASELINE_WRITES {
                self.first.sort();
                self.baseline = self.first.get(BASELINE_WRITES / 2).copied();
            }
            return Duration::ZERO;
        };
        self.pause = if write > UNNOTICED && write > baseline * SLOWDOWN {
            (self.pause * 2).clamp(MIN_PAUSE, MAX_PAUSE)
        } else if self.pause <= MIN_PAUSE {
            Duration::ZERO
        } else {
            self.pause / 2
        };
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(20);

    fn with_baseline() -> Throttle {
        let mut throttle = Throttle::default();
        for _ in 0..BASELINE_WRITES {
            assert_eq!(throttle.pause_after(USUAL), Duration::ZERO);
        }
        throttle
    }

    #[test]
    fn pauses_grow_while_the_database_is_slow_and_shrink_afterwards() {
        let mut throttle = with_baseline();
        assert_eq!(throttle.pause_after(USUAL * 2), Duration::ZERO);
        assert_eq!(throttle.pause_after(USUAL * 5), Duration::from_millis(50));
        assert_eq!(throttle.pause_after(USUAL * 5), Duration::from_millis(100));
        assert_eq!(throttle.pause_after(USUAL), Duration::from_millis(50));
        assert_eq!(throttle.pause_after(USUAL), Duration::ZERO);
    }

    #[test]
    fn a_pause_is_never_longer_than_five_seconds() {
        let mut throttle = with_baseline();
        for _ in 0..20 {
            assert!(throttle.pause_after(USUAL * 100) <= MAX_PAUSE);
        }
    }

    #[test]
    fn short_writes_need_no_pause_even_if_the_first_ones_were_shorter() {
        let mut throttle = Throttle::default();
        for _ in 0..BASELINE_WRITES {
            throttle.pause_after(Duration::from_micros(10));
        }
        assert_eq!(throttle.pause_after(Duration::from_millis(40)), Duration::ZERO);
    }
}
