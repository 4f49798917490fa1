//! A measurement as one page of HTML, which needs nothing else: no network, and no script.

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

/// Everything that is shown.
#[derive(Debug)]
pub(crate) struct HtmlPage {
    pub(crate) title: String,
    /// What it comes to, a sentence each.
    pub(crate) verdict: Vec<VerdictSentence>,
    /// Those of now first, and then what some of them were before.
    pub(crate) targets: Vec<TargetView>,
    /// How many are of now.
    pub(crate) now: usize,
    /// How one is to another: tables with their heads.
    pub(crate) comparisons: Vec<FigureTable>,
    /// What has to be known to read the figures right.
    pub(crate) notes: Vec<String>,
    /// What was done, where, and how it is done again.
    pub(crate) facts: Vec<(String, String)>,
}

/// A sentence of the verdict.
#[derive(Debug)]
pub(crate) struct VerdictSentence {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// What a sentence means for whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Passed,
    Failed,
    Void,
}

/// Rows under a head; the first column is a name, the others are figures.
#[derive(Debug)]
pub(crate) struct FigureTable {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What was measured of one implementation.
#[derive(Debug)]
pub(crate) struct TargetView {
    pub(crate) name: String,
    /// Where it is, if its name does not say so.
    pub(crate) address: Option<String>,
    pub(crate) outcome_counts: Vec<OutcomeCount>,
    /// Work done a second; none if nothing came in time.
    pub(crate) rate: Option<f64>,
    pub(crate) response: LatencyHistogram,
    /// Where it differs.
    pub(crate) service: Option<LatencyHistogram>,
    /// None if it was not started here.
    pub(crate) resource_usage: Option<ResourceUsage>,
    /// For a drawing, and fewer for a table.
    pub(crate) time_series: Vec<TimeSlice>,
    pub(crate) short_time_series: Vec<TimeSlice>,
}

/// A way in which requests ended.
#[derive(Debug)]
pub(crate) struct OutcomeCount {
    pub(crate) kind: OutcomeKind,
    pub(crate) name: String,
    pub(crate) count: u64,
    /// What the first was, where there is more to say.
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
        // Even what was not escaped could do nothing.
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
        parts.push(section("What it comes to", None).all(tables::summary(self)));
        let all = &self.targets;
        if all.iter().any(|target| target.requests() > 0) {
            parts.push(outcomes::section(all));
        }
        if all.iter().any(|target| target.response.count() > 0) {
            parts.push(latency_cdf::section(all));
        }
        parts.extend(resource_usage::section(all));
        // How it went over time is known of what was measured now.
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
        // What is to be read at a glance is large; a whole sentence with its reservations is not.
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

/// A part of the page, with a sentence on how it is read.
fn section(title: &str, how: Option<&str>) -> MarkupElement {
    let section = element("section").put(element("h2").text(title));
    section.all(how.map(|how| element("p").with("class", "how").text(how)))
}

/// The name of each, beside its line; none where there is only one.
fn legend(targets: &[TargetView]) -> Option<MarkupElement> {
    let one = |(index, target): (usize, &TargetView)| {
        element("li").put(swatch(index)).put(element("span").text(&target.name))
    };
    let all = targets.iter().enumerate().map(one);
    (targets.len() > 1).then(|| element("ul").with("class", "legend").all(all))
}

/// The classes of what belongs to one of them. There are eight colours; a ninth begins anew.
fn class(index: usize, others: &str) -> String {
    const COLOURS: usize = 8;
    format!("s{} {others}", index % COLOURS)
}

/// A piece of the line that stands for one of them.
fn swatch(index: usize) -> MarkupElement {
    let line = chart::line((1.0, 5.0), (27.0, 5.0)).with("class", class(index, "line"));
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
