//! CPU time and memory of launched targets, a bar beside each figure.

use std::time::Duration;

use mesero_terminal::units;

use crate::comparison::results::ResourceUsage;
use crate::report::page::markup::{MarkupElement, element};
use crate::report::page::{TargetView, class, swatch, tables};

/// None without anything to compare.
pub(crate) fn section(targets: &[TargetView]) -> Option<MarkupElement> {
    if targets.len() < 2 || targets.iter().all(|target| target.resource_usage.is_none()) {
        return None;
    }
    let cpu = BarColumn::of(targets, |resource_usage| resource_usage.cpu_per_request().map(cpu));
    let memory = BarColumn::of(targets, |resource_usage| Some(memory(resource_usage.memory_bytes)));
    let rows = targets.iter().enumerate().map(|(index, target)| {
        let name = element("th").with("scope", "row").put(swatch(index));
        let name = name.put(element("span").text(&target.name));
        element("tr").put(name).all(cpu.cells(index)).all(memory.cells(index))
    });
    let how = "CPU time of all processes of a target while requests were counted, divided by the number of requests, and the \
               highest memory usage of all processes together.";
    let head = ["", "CPU per request", "", "memory", ""];
    Some(crate::report::page::section("Resource usage", Some(how)).put(tables::table(head, rows)))
}

/// A value and its text.
type LabeledValue = (f64, String);

fn cpu(time: Duration) -> LabeledValue {
    (time.as_secs_f64(), units::with_three_digits(time))
}

fn memory(bytes: u64) -> LabeledValue {
    (bytes as f64, units::bytes(bytes))
}

/// A value of each target; none for targets that mesero did not launch.
struct BarColumn(Vec<Option<LabeledValue>>);

impl BarColumn {
    fn of(targets: &[TargetView], figure: impl Fn(&ResourceUsage) -> Option<LabeledValue>) -> Self {
        Self(
            targets.iter().map(|target| target.resource_usage.as_ref().and_then(&figure)).collect(),
        )
    }

    /// The figure, and its bar relative to the highest one.
    fn cells(&self, index: usize) -> [MarkupElement; 2] {
        const WIDE: f64 = 100.0;
        let most = self.0.iter().flatten().map(|(value, _)| *value).fold(0.0, f64::max);
        let figure = self.0.get(index).and_then(Option::as_ref);
        let text = figure.map_or("—", |(_, text)| text);
        // The shortest bar is still visible.
        let length = |value: f64| if most > 0.0 { (value / most * WIDE).max(1.0) } else { 0.0 };
        let bar = figure.map(|(value, _)| {
            let rect = element("rect").with("class", class(index, "fill"));
            let rect = rect.at("width", length(*value)).with("height", 10);
            let svg = element("svg").with("viewBox", format_args!("0 0 {WIDE} 10"));
            svg.with("preserveAspectRatio", "none").with("aria-hidden", "true").put(rect)
        });
        [element("td").text(text), element("td").with("class", "bar").all(bar)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::scenes::scenes;

    fn targets() -> Vec<TargetView> {
        scenes().find(|(name, _)| *name == "three").unwrap().1.targets
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_of_the_most() {
        let targets = targets();
        let memory =
            BarColumn::of(&targets, |resource_usage| Some(memory(resource_usage.memory_bytes)));
        let cells = [0, 1, 2].map(|index| memory.cells(index).map(|cell| cell.to_string()));
        assert_eq!(cells[0][0], "<td>80.0 MB</td>");
        assert!(cells[0][1].contains("<rect class=\"s0 fill\" width=\"100\""), "{cells:?}");
        assert!(cells[1][1].contains("<rect class=\"s1 fill\" width=\"50\""), "{cells:?}");
        assert_eq!(cells[2], ["<td>—</td>", "<td class=\"bar\"></td>"]);
    }

    #[test]
    fn a_single_target_has_no_comparison_of_resource_usage() {
        assert!(section(&targets()).is_some());
        assert!(section(&targets()[..1]).is_none());
        assert!(section(&targets()[2..]).is_none());
    }
}
