//! The results as an HTML page in one file, without scripts or network access.

use crate::comparison::results::ResourceUsage;
use crate::report::page::markup::{MarkupElement, element};
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::time_series::TimeSlice;

#[cfg(test)]
mod browser;
mod chart;
mod latency_cdf;
mod markup;
mod outcomes;
mod resource_usage;
#[cfg(test)]
mod scenes;
mod tables;
mod time_series;

/// Everything on the page.
#[derive(Debug)]
pub(crate) struct HtmlPage {
    pub(crate) title: String,
    /// Conclusions and verdict, a sentence each.
    pub(crate) verdict: Vec<VerdictSentence>,
    /// The current targets, then their baselines.
    pub(crate) targets: Vec<TargetView>,
    /// Number of current targets.
    pub(crate) now: usize,
    /// Tables of ratios.
    pub(crate) comparisons: Vec<FigureTable>,
    /// Notes for the reader.
    pub(crate) notes: Vec<String>,
    /// Load, environment and command.
    pub(crate) facts: Vec<(String, String)>,
}

/// A sentence at the head of the page.
#[derive(Debug)]
pub(crate) struct VerdictSentence {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// The color of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Passed,
    Failed,
    Void,
}

/// A table: the first column has names, the others figures.
#[derive(Debug)]
pub(crate) struct FigureTable {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Everything that is shown of a target.
#[derive(Debug)]
pub(crate) struct TargetView {
    pub(crate) name: String,
    /// Unless it is the name.
    pub(crate) address: Option<String>,
    pub(crate) outcome_counts: Vec<OutcomeCount>,
    /// `ok` responses a second; none without any in the measured time.
    pub(crate) rate: Option<f64>,
    pub(crate) response: LatencyHistogram,
    /// None for a closed load, where it equals the response time.
    pub(crate) service: Option<LatencyHistogram>,
    /// None for targets that mesero did not launch.
    pub(crate) resource_usage: Option<ResourceUsage>,
    /// For the charts; the short one for the table.
    pub(crate) time_series: Vec<TimeSlice>,
    pub(crate) short_time_series: Vec<TimeSlice>,
}

/// Requests with one outcome.
#[derive(Debug)]
pub(crate) struct OutcomeCount {
    pub(crate) kind: OutcomeKind,
    pub(crate) name: String,
    pub(crate) count: u64,
    /// Message of the first, if there is one.
    pub(crate) first: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutcomeKind {
    Ok,
    ClientTimeout,
    Failed,
}

impl TargetView {
    fn requests(&self) -> u64 {
        self.outcome_counts.iter().map(|outcome| outcome.count).sum()
    }

    fn count(&self, kind: OutcomeKind) -> u64 {
        self.outcome_counts
            .iter()
            .filter(|outcome| outcome.kind == kind)
            .map(|outcome| outcome.count)
            .sum()
    }
}

impl HtmlPage {
    /// The whole document.
    pub(crate) fn html(&self) -> String {
        // Even text that was not escaped could do nothing.
        const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
        let meta = |name, content| element("meta").with("name", name).with("content", content);
        let head = element("head")
            .put(element("meta").with("charset", "utf-8"))
            .put(
                element("meta")
                    .with("http-equiv", "Content-Security-Policy")
                    .with("content", POLICY),
            )
            .put(meta("viewport", "width=device-width, initial-scale=1"))
            .put(meta("color-scheme", "light dark"))
            .put(meta("generator", concat!("mesero ", env!("CARGO_PKG_VERSION"))))
            .put(element("title").text(&self.title))
            .put(element("style").own(include_str!("page/style.css")));
        let body = element("body").put(element("main").all(self.parts()));
        format!("<!doctype html>\n{}\n", element("html").with("lang", "en").put(head).put(body))
    }

    fn parts(&self) -> Vec<MarkupElement> {
        let mut parts = vec![self.head()];
        parts.push(section("Summary", None).all(tables::summary(self)));
        let all = &self.targets;
        if all.iter().any(|target| target.requests() > 0) {
            parts.push(outcomes::section(all));
        }
        if all.iter().any(|target| target.response.count() > 0) {
            parts.push(latency_cdf::section(all));
        }
        parts.extend(resource_usage::section(all));
        // Baselines have no time series.
        parts.extend(time_series::section(&all[..self.now.min(all.len())]));
        parts.push(tables::figures(self));
        parts
    }

    fn head(&self) -> MarkupElement {
        let head = element("header").put(element("p").with("class", "kind").text("mesero bench"));
        let mut sentences = self.verdict.iter();
        let first = sentences.next();
        let title = first.map_or(self.title.as_str(), |sentence| &sentence.text);
        let tone = first.map_or(Tone::Plain, |sentence| sentence.tone);
        // Short headlines are large; whole sentences with their conditions are not.
        let size = if title.chars().count() > 80 { "long " } else { "" };
        let class = format!("{size}{}", tone.class());
        let head = head.put(element("h1").with("class", class).text(title));
        head.all(
            sentences.map(|sentence| {
                element("p").with("class", sentence.tone.class()).text(&sentence.text)
            }),
        )
    }
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Plain => "verdict",
            Tone::Passed => "verdict passed",
            Tone::Failed => "verdict failed",
            Tone::Void => "verdict void",
        }
    }
}

/// A section, with a sentence on how to read it.
fn section(title: &str, how: Option<&str>) -> MarkupElement {
    let section = element("section").put(element("h2").text(title));
    section.all(how.map(|how| element("p").with("class", "how").text(how)))
}

/// Names and colors of several targets; none for a single target.
fn legend(targets: &[TargetView]) -> Option<MarkupElement> {
    let one = |(index, target): (usize, &TargetView)| {
        element("li").put(swatch(index)).put(element("span").text(&target.name))
    };
    let all = targets.iter().enumerate().map(one);
    (targets.len() > 1).then(|| element("ul").with("class", "legend").all(all))
}

/// The classes of a target's elements. There are eight colors; the ninth target has the first one.
fn class(index: usize, others: &str) -> String {
    const COLOURS: usize = 8;
    format!("s{} {others}", index % COLOURS)
}

/// A sample of a target's line.
fn swatch(index: usize) -> MarkupElement {
    let line = chart::line(chart::point(1.0, 5.0), chart::point(27.0, 5.0))
        .with("class", class(index, "line"));
    let svg = element("svg").with("class", "swatch").with("viewBox", "0 0 28 10");
    svg.with("aria-hidden", "true").put(line)
}

#[cfg(test)]
mod tests {
    use crate::report::page::scenes::scenes;

    #[test]
    fn a_page_needs_nothing_but_itself() {
        for (name, page) in scenes() {
            let html = page.html();
            for outside in ["<script", "src=", "href=", "@import", "<link", "onload"] {
                assert!(!html.contains(outside), "{name}: {outside}");
            }
            let drawn = html.matches("url(").count();
            assert_eq!(drawn, html.matches("url(#hatching)").count(), "{name}");
            assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count(), "{name}");
            for nothing in ["NaN", "inf", "=\"-0\""] {
                assert!(!html.contains(nothing), "{name}: {nothing}");
            }
        }
    }

    #[test]
    fn the_same_figures_make_the_same_page() {
        let [first, second] =
            [(); 2].map(|()| scenes().map(|(_, page)| page.html()).collect::<Vec<_>>());
        assert_eq!(first, second);
    }
}
