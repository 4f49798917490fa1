//! A frame of the progress display: lines of text that fit the terminal.

use std::time::Duration;

use mesero_terminal::units;

use crate::stats::format;
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::scale::{self, AxisScale, Span};

/// The values of a frame.
#[derive(Debug)]
pub(crate) struct ProgressFrame {
    /// Name of the target.
    pub(crate) name: String,
    /// Number of the round and of all rounds; none for a single round.
    pub(crate) round: Option<(u32, u32)>,
    /// Estimated remaining time.
    pub(crate) left: Option<Duration>,
    pub(crate) measured_time: Duration,
    /// `ok` responses a second so far.
    pub(crate) rate: f64,
    /// The rate over time.
    pub(crate) rates: Vec<f64>,
    pub(crate) in_flight: usize,
    pub(crate) ok: u64,
    pub(crate) client_timeouts: u64,
    pub(crate) failed: u64,
    pub(crate) response: LatencyHistogram,
}

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Approximate number of bars.
const BARS: f64 = 10.0;

impl ProgressFrame {
    /// All lines of the frame.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = vec![self.heading(), self.throughput(width), self.counts()];
        lines.extend(self.bars(width));
        lines.iter().map(|line| line.chars().take(width).collect()).collect()
    }

    /// The frame in one line, for a log.
    pub(crate) fn line(&self) -> String {
        format!("{}; {}/s; {}", self.heading(), units::number(self.rate), self.counts())
    }

    fn heading(&self) -> String {
        let mut heading = self.name.clone();
        if let Some((round, of)) = self.round {
            heading.push_str(&format!(", round {round} of {of}"));
        }
        heading.push_str(&format!(": {}", units::whole_seconds(self.measured_time)));
        if let Some(left) = self.left {
            heading.push_str(&format!(", {} left in all", units::whole_seconds(left)));
        }
        heading
    }

    fn throughput(&self, width: usize) -> String {
        let label = format!("{}/s", units::number(self.rate));
        let room = width.saturating_sub(22).min(self.rates.len());
        let shown = &self.rates[self.rates.len() - room..];
        let most = shown.iter().copied().fold(0.0, f64::max);
        let block = |rate: &f64| {
            let height = if most > 0.0 { rate / most * 8.0 } else { 0.0 };
            // Zero is a blank.
            match height {
                0.0 => ' ',
                _ => BLOCKS[(height.ceil() as usize).clamp(1, 8) - 1],
            }
        };
        format!("{label:>20}  {}", shown.iter().map(block).collect::<String>())
    }

    fn counts(&self) -> String {
        let mut counts = format!(
            "{} ok, {} in flight",
            units::grouped(self.ok),
            units::grouped(as_u64(self.in_flight))
        );
        for (count, what) in [(self.client_timeouts, "timed out"), (self.failed, "failed")] {
            if count > 0 {
                counts.push_str(&format!(", {} {what}", units::grouped(count)));
            }
        }
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            if let Some(latency) = self.response.quantile(share) {
                counts.push_str(&format!(", {name} {}", format::latency(Some(latency))));
            }
        }
        counts
    }

    /// The distribution of response times: a bar for each interval between round numbers.
    fn bars(&self, width: usize) -> Vec<String> {
        let ends = [self.response.quantile(0.001), self.response.max()];
        let [Some(least), Some(most)] = ends else { return Vec::new() };
        let scale = AxisScale::times(
            least.time.as_secs_f64()..=most.time.as_secs_f64(),
            Span { start: 0.0, end: 1.0 },
        );
        let mut below = 0.0;
        let mut bars = Vec::new();
        let known = self.response.uncensored_share().unwrap_or_default();
        for tick in scale.ticks(BARS) {
            let time = Duration::try_from_secs_f64(tick).unwrap_or_default();
            let within = self.response.share_within(time);
            if below < known {
                bars.push((format!("up to {}", scale::seconds(tick)), within - below));
            }
            below = within;
        }
        if known > below {
            bars.push(("above".to_owned(), known - below));
        }
        // The first intervals may be empty.
        let first = bars.iter().position(|(_, share)| *share > 0.0).unwrap_or_default();
        let mut bars = bars.split_off(first);
        if known < 1.0 {
            bars.push(("timed out".to_owned(), 1.0 - known));
        }
        let highest = bars.iter().map(|(_, share)| *share).fold(f64::MIN_POSITIVE, f64::max);
        let room = width.saturating_sub(32) as f64;
        let label = |(name, share): &(String, f64)| {
            let bar = bar(share / highest * room);
            format!("{name:>20}  {bar} {}", units::percent(*share))
        };
        bars.iter().map(label).collect()
    }
}

/// A bar of this many characters, to an eighth.
fn bar(letters: f64) -> String {
    let whole = letters.floor();
    let mut bar = "█".repeat(whole as usize);
    let eighths = ((letters - whole) * 8.0).round() as usize;
    match eighths {
        0 => {}
        8 => bar.push('█'),
        _ => bar.push(EIGHTHS[eighths - 1]),
    }
    bar
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> ProgressFrame {
        let mut response = LatencyHistogram::new().unwrap();
        for milliseconds in 1..=90 {
            response.add(Duration::from_millis(milliseconds));
        }
        (0..10).for_each(|_| response.add_censored(Duration::from_secs(7)));
        ProgressFrame {
            name: "threads".to_owned(),
            round: Some((2, 5)),
            left: Some(Duration::from_secs(133)),
            measured_time: Duration::from_millis(4_400),
            rate: 325.0,
            rates: vec![0.0, 100.0, 400.0, 800.0],
            in_flight: 64,
            ok: 12_345,
            client_timeouts: 10,
            failed: 0,
            response,
        }
    }

    #[test]
    fn a_frame_has_the_rate_and_the_latencies_as_bars() {
        let lines = frame().lines(64);
        let expected = "\
threads, round 2 of 5: 4 s, 2 min 13 s left in all
               325/s   ▁▄█
12,345 ok, 64 in flight, 10 timed out, p50 50.0 ms, p99 > 7.00 s
          up to 1 ms  ▌ 1.0 %
          up to 3 ms  █▏ 2.0 %
         up to 10 ms  ███▊ 7.0 %
         up to 30 ms  ██████████▋ 20.0 %
        up to 100 ms  ████████████████████████████████ 60.0 %
           timed out  █████▍ 10.0 %";
        assert_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn no_line_is_wider_than_its_terminal() {
        for width in [0, 1, 20, 79] {
            let lines = frame().lines(width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
        }
    }

    #[test]
    fn nothing_yet_is_shown_as_nothing() {
        let response = LatencyHistogram::new().unwrap();
        let frame = ProgressFrame {
            ok: 0,
            client_timeouts: 0,
            rate: 0.0,
            rates: Vec::new(),
            response,
            ..frame()
        };
        assert_eq!(frame.lines(80).len(), 3);
        assert_eq!(
            frame.line(),
            "threads, round 2 of 5: 4 s, 2 min 13 s left in all; 0.00/s; 0 ok, 64 in flight"
        );
    }
}
