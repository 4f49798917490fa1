//! Outcomes of requests, a bar for each target.

use mesero_terminal::units;

use crate::report::page::chart::{PlotArea, label, point, short};
use crate::report::page::markup::{MarkupElement, element};
use crate::report::page::{OutcomeKind, TargetView};

const ROW: f64 = 40.0;

pub(crate) fn section(targets: &[TargetView]) -> MarkupElement {
    let how = "Responses with 2xx count as answered. A request that exceeds --timeout counts as timed out.";
    crate::report::page::section("Outcomes", Some(how)).put(figure(targets))
}

fn figure(targets: &[TargetView]) -> MarkupElement {
    let height = targets.len() as f64 * ROW;
    let field = PlotArea { width: 880.0, height, left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 };
    let mut drawing = field.drawing("Shares of requests by how they ended").put(hatching());
    for (index, target) in targets.iter().enumerate() {
        drawing = drawing.all(bar(target, index, &field));
    }
    element("figure").put(element("div").with("class", "wide").put(drawing))
}

/// Hatching for timeouts, so that they differ not only by color.
fn hatching() -> MarkupElement {
    let path = element("path").with("d", "M0 0L0 6").with("class", "hatch");
    let pattern = element("pattern").with("id", "hatching").with("width", 6).with("height", 6);
    let pattern =
        pattern.with("patternUnits", "userSpaceOnUse").with("patternTransform", "rotate(45)");
    let ground = element("rect").with("class", "hatched").with("width", 6).with("height", 6);
    element("defs").put(pattern.put(ground).put(path))
}

fn bar(target: &TargetView, index: usize, field: &PlotArea) -> Vec<MarkupElement> {
    const HIGH: f64 = 14.0;
    let top = index as f64 * ROW;
    let requests = target.requests();
    let mut parts = vec![
        label(point(0.0, top + 13.0), "start", &short(&target.name, 48)).with("class", "name"),
    ];
    let counts = [OutcomeKind::Ok, OutcomeKind::ClientTimeout, OutcomeKind::Failed].map(|kind| {
        let count = target.count(kind);
        let share = units::share(count, requests);
        (count > 0 || kind == OutcomeKind::Ok)
            .then(|| format!("{} {} ({share})", units::grouped(count), kind.text()))
    });
    let counts = counts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    parts.push(label(point(field.width, top + 13.0), "end", &counts));
    let mut left = 0.0;
    for kind in [OutcomeKind::Ok, OutcomeKind::ClientTimeout, OutcomeKind::Failed] {
        let count = target.count(kind);
        let share = count as f64 / requests.max(1) as f64;
        if count > 0 {
            // One of a million is still visible.
            let wide = (share * field.width).max(2.0).min(field.width - left);
            let rect =
                element("rect").with("class", kind.class(index)).at("x", left).at("y", top + 19.0);
            parts.push(rect.at("width", wide).at("height", HIGH));
            left += wide;
        }
    }
    parts
}

impl OutcomeKind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            OutcomeKind::Ok => "answered",
            OutcomeKind::ClientTimeout => "timed out",
            OutcomeKind::Failed => "failed",
        }
    }

    fn class(self, index: usize) -> String {
        match self {
            OutcomeKind::Ok => crate::report::page::class(index, "fill"),
            OutcomeKind::ClientTimeout => "gave-up".to_owned(),
            OutcomeKind::Failed => "fault".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::scenes::scenes;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let (_, page) = scenes().find(|(name, _)| *name == "cut").unwrap();
        let drawn = bar(
            &page.targets[0],
            0,
            &PlotArea { width: 100.0, height: 40.0, left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 },
        );
        let drawn: Vec<String> = drawn.iter().map(ToString::to_string).collect();
        assert_eq!(
            drawn,
            [
                "<text x=\"0\" y=\"13\" text-anchor=\"start\" class=\"name\">one worker</text>",
                "<text x=\"100\" y=\"13\" text-anchor=\"end\">60 answered (60.0 %) · 30 timed out (30.0 %) · 10 failed (10.0 %)</text>",
                "<rect class=\"s0 fill\" x=\"0\" y=\"19\" width=\"60\" height=\"14\"></rect>",
                "<rect class=\"gave-up\" x=\"60\" y=\"19\" width=\"30\" height=\"14\"></rect>",
                "<rect class=\"fault\" x=\"90\" y=\"19\" width=\"10\" height=\"14\"></rect>",
            ]
        );
    }
}
