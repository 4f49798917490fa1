//! Axis scales: from values to positions, and round values as ticks.

use std::ops::RangeInclusive;

use mesero_terminal::units;

/// Maps values to positions.
#[derive(Debug, Clone)]
pub(crate) struct AxisScale {
    kind: ScaleKind,
    values: Span,
    places: Span,
}

/// Both ends of a range, of values or of positions. Positions may run backwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScaleKind {
    Linear,
    Logarithmic,
    /// For shares from 0 to 1: 90 %, 99 % and 99.9 % have equal distances.
    Nines,
}

impl AxisScale {
    /// From zero to a round number above the highest value.
    pub(crate) fn up_to(most: f64, places: Span) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most, 5.0);
        // Rounding errors above a round number are ignored.
        let top = (most / step - 1e-9).ceil().max(1.0) * step;
        Self { kind: ScaleKind::Linear, values: Span { start: 0.0, end: top }, places }
    }

    /// From zero to exactly this value.
    pub(crate) fn to(most: f64, places: Span) -> Self {
        Self {
            kind: ScaleKind::Linear,
            values: Span { start: 0.0, end: most.max(f64::MIN_POSITIVE) },
            places,
        }
    }

    /// For times in seconds, logarithmic, with margins; above zero.
    pub(crate) fn times(seen: RangeInclusive<f64>, places: Span) -> Self {
        // The resolution of histograms.
        const LEAST: f64 = 1e-9;
        let (least, most) = (seen.start().max(LEAST), seen.end().max(LEAST));
        // Wide enough that a difference of a tenth is visible, and a smaller one is not exaggerated.
        let room = (most / least).powf(0.04).max(1.1);
        Self {
            kind: ScaleKind::Logarithmic,
            values: Span { start: least / room, end: most * room },
            places,
        }
    }

    /// For shares, up to the resolution of this many requests.
    pub(crate) fn nines(requests: u64, places: Span) -> Self {
        // The slowest of ten requests is drawn in the middle of the last tenth.
        let top = 1.0 - 0.4 / requests.clamp(10, 10_000_000) as f64;
        Self { kind: ScaleKind::Nines, values: Span { start: 0.0, end: top }, places }
    }

    /// The position of a value; values beyond an end are at that end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = (self.turned(self.values.start), self.turned(self.values.end));
        let value = value.clamp(self.values.start, self.values.end);
        let share = (self.turned(value) - low) / (high - low);
        self.places.start + share * (self.places.end - self.places.start)
    }

    /// The value at a share of the axis.
    pub(crate) fn value(&self, share: f64) -> f64 {
        let (low, high) = (self.turned(self.values.start), self.turned(self.values.end));
        let turned = low + share * (high - low);
        match self.kind {
            ScaleKind::Linear => turned,
            ScaleKind::Logarithmic => turned.exp(),
            ScaleKind::Nines => 1.0 - (-turned).exp(),
        }
    }

    /// Round values between the ends, about this many.
    pub(crate) fn ticks(&self, about: f64) -> Vec<f64> {
        let Span { start: least, end: most } = self.values;
        match self.kind {
            ScaleKind::Linear => linear(least, most, about),
            ScaleKind::Logarithmic if most / least < 8.0 => linear(least, most, about),
            ScaleKind::Logarithmic => logarithmic(least, most, about),
            ScaleKind::Nines => {
                let all = [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
                all.into_iter().filter(|share| *share <= most).collect()
            }
        }
    }

    fn turned(&self, value: f64) -> f64 {
        match self.kind {
            ScaleKind::Linear => value,
            ScaleKind::Logarithmic => value.ln(),
            ScaleKind::Nines => -(1.0 - value).ln(),
        }
    }
}

/// The multiple of a power of ten by 1, 2 or 5 that is about this part of a range.
fn step(range: f64, parts: f64) -> f64 {
    let rough = range / parts;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

fn linear(least: f64, most: f64, about: f64) -> Vec<f64> {
    let step = step(most - least, about);
    let first = (least / step - 1e-9).ceil();
    let count = ((most / step + 1e-9).floor() - first).max(0.0) as u32;
    (0..=count).map(|number| (first + f64::from(number)) * step).collect()
}

/// Powers of ten, with 2 and 5 times them if there is room.
fn logarithmic(least: f64, most: f64, about: f64) -> Vec<f64> {
    let decades = (most / least).log10();
    let factors: &[f64] = match about / decades {
        room if room >= 3.0 => &[1.0, 2.0, 5.0],
        room if room >= 2.0 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    let all = (first..=last).flat_map(|power| {
        factors.iter().map(move |factor| format!("{factor}e{power}").parse().unwrap_or(f64::NAN))
    });
    all.filter(|value| (least..=most).contains(value)).collect()
}

/// A share beside an axis.
pub(crate) fn percent(share: f64) -> String {
    // Without rounding errors such as 99.9999999.
    format!("{} %", (share * 1e7).round() / 1e5)
}

/// A number beside an axis.
pub(crate) fn number(number: f64) -> String {
    if number >= 1_000.0 {
        units::grouped(number.round() as u64)
    } else {
        format!("{}", (number * 1e6).round() / 1e6)
    }
}

/// Seconds beside an axis, without trailing zeros.
pub(crate) fn seconds(seconds: f64) -> String {
    let (value, unit) = match seconds {
        _ if seconds == 0.0 => (0.0, "s"),
        _ if seconds >= 0.9999 => (seconds, "s"),
        _ if seconds >= 0.000_999_9 => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    format!("{} {unit}", (value * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_scale_ends_at_a_round_number() {
        for (most, end) in [(0.0, 1.0), (7.0, 8.0), (98_765.0, 100_000.0), (1_000.0, 1_000.0)] {
            let scale = AxisScale::up_to(most, Span { start: 200.0, end: 0.0 });
            assert!((scale.values.end - end).abs() < 1e-6, "{most}: {:?}", scale.values);
            assert_eq!(scale.place(0.0), 200.0);
        }
        assert_eq!(
            AxisScale::up_to(7.0, Span { start: 0.0, end: 1.0 }).ticks(4.0),
            [0.0, 2.0, 4.0, 6.0, 8.0]
        );
    }

    #[test]
    fn times_have_room_on_both_sides_and_round_ticks() {
        let labels = |least, most| {
            let scale = AxisScale::times(least..=most, Span { start: 0.0, end: 100.0 });
            assert!(scale.place(least) > 0.0 && scale.place(most) < 100.0);
            scale.ticks(6.0).into_iter().map(seconds).collect::<Vec<_>>()
        };
        assert_eq!(labels(0.012, 0.45), ["20 ms", "50 ms", "100 ms", "200 ms", "500 ms"]);
        assert_eq!(labels(1.0, 1.0), ["950 ms", "1 s", "1.05 s", "1.1 s"]);
        assert_eq!(labels(0.000_05, 7.0), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
    }

    #[test]
    fn nines_are_equally_far_apart() {
        let scale = AxisScale::nines(1_000, Span { start: 0.0, end: 300.0 });
        let [ninety, ninety_nine] = [0.9, 0.99].map(|share| scale.place(share));
        assert!((ninety_nine / ninety - 2.0).abs() < 1e-9, "{ninety}, {ninety_nine}");
        assert_eq!((scale.place(0.0), scale.place(1.0).round()), (0.0, 300.0));
        let labels: Vec<_> = scale.ticks(0.0).into_iter().map(percent).collect();
        assert_eq!(labels, ["0 %", "50 %", "75 %", "90 %", "95 %", "99 %", "99.9 %"]);
        assert!((scale.value(ninety / 300.0) - 0.9).abs() < 1e-9);
    }
}
