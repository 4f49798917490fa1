//! How requests ended, a bar for each implementation.

use crate::report::page::chart::{Field, label, short};
use crate::report::page::markup::{Element, element};
use crate::report::page::{EndingKind, Subject};
use crate::stats::format;

const ROW: f64 = 40.0;

pub(crate) fn section(subjects: &[Subject]) -> Element {
    let how = "Only an answer of 2xx is work done. Who gave up had no answer when his patience was at its end.";
    crate::report::page::section("How many were answered", Some(how)).put(figure(subjects))
}

fn figure(subjects: &[Subject]) -> Element {
    let height = subjects.len() as f64 * ROW;
    let field = Field { width: 880.0, height, left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 };
    let mut drawing = field.drawing("Shares of requests by how they ended").put(hatching());
    for (index, subject) in subjects.iter().enumerate() {
        drawing = drawing.all(bar(subject, index, &field));
    }
    element("figure").put(element("div").with("class", "wide").put(drawing))
}

/// Lines for who gave up, so that colour is not all that tells it.
fn hatching() -> Element {
    let path = element("path").with("d", "M0 0L0 6").with("class", "hatch");
    let pattern = element("pattern").with("id", "hatching").with("width", 6).with("height", 6);
    let pattern =
        pattern.with("patternUnits", "userSpaceOnUse").with("patternTransform", "rotate(45)");
    let ground = element("rect").with("class", "hatched").with("width", 6).with("height", 6);
    element("defs").put(pattern.put(ground).put(path))
}

fn bar(subject: &Subject, index: usize, field: &Field) -> Vec<Element> {
    const HIGH: f64 = 14.0;
    let top = index as f64 * ROW;
    let requests = subject.requests();
    let mut parts =
        vec![label((0.0, top + 13.0), "start", &short(&subject.name, 48)).with("class", "name")];
    let told = [EndingKind::Ok, EndingKind::GaveUp, EndingKind::Failed].map(|kind| {
        let count = subject.count(kind);
        let share = format::share(count, requests);
        (count > 0 || kind == EndingKind::Ok)
            .then(|| format!("{} {} ({share})", format::count(count), kind.text()))
    });
    let told = told.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    parts.push(label((field.width, top + 13.0), "end", &told));
    let mut left = 0.0;
    for kind in [EndingKind::Ok, EndingKind::GaveUp, EndingKind::Failed] {
        let count = subject.count(kind);
        let share = count as f64 / requests.max(1) as f64;
        if count > 0 {
            // One of a million is seen as well.
            let wide = (share * field.width).max(2.0).min(field.width - left);
            let rect =
                element("rect").with("class", kind.class(index)).at("x", left).at("y", top + 19.0);
            parts.push(rect.at("width", wide).at("height", HIGH));
            left += wide;
        }
    }
    parts
}

impl EndingKind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            EndingKind::Ok => "answered",
            EndingKind::GaveUp => "gave up",
            EndingKind::Failed => "failed",
        }
    }

    fn class(self, index: usize) -> String {
        match self {
            EndingKind::Ok => crate::report::page::class(index, "fill"),
            EndingKind::GaveUp => "gave-up".to_owned(),
            EndingKind::Failed => "fault".to_owned(),
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
            &page.subjects[0],
            0,
            &Field { width: 100.0, height: 40.0, left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 },
        );
        let drawn: Vec<String> = drawn.iter().map(ToString::to_string).collect();
        assert_eq!(
            drawn,
            [
                "<text x=\"0\" y=\"13\" text-anchor=\"start\" class=\"name\">one worker</text>",
                "<text x=\"100\" y=\"13\" text-anchor=\"end\">60 answered (60.0 %) · 30 gave up (30.0 %) · 10 failed (10.0 %)</text>",
                "<rect class=\"s0 fill\" x=\"0\" y=\"19\" width=\"60\" height=\"14\"></rect>",
                "<rect class=\"gave-up\" x=\"60\" y=\"19\" width=\"30\" height=\"14\"></rect>",
                "<rect class=\"fault\" x=\"90\" y=\"19\" width=\"10\" height=\"14\"></rect>",
            ]
        );
    }
}
