//! The tables: summary, all figures, and the time series.

use mesero_terminal::units;

use crate::report::page::markup::{MarkupElement, element};
use crate::report::page::{FigureTable, HtmlPage, OutcomeKind, TargetView, swatch};
use crate::stats::format;
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::metric::{STATISTICS, Statistic};

/// A row for each target, and the comparisons.
pub(crate) fn summary(page: &HtmlPage) -> Vec<MarkupElement> {
    let head =
        ["", "requests", "answered", "timed out", "failed", "a second", "p50", "p95", "p99", "max"];
    let rows = page.targets.iter().map(|target| {
        let requests = target.requests();
        let share = |kind| units::share(target.count(kind), requests);
        let statistic = |statistic: Statistic| format::latency(statistic.of(&target.response));
        vec![
            units::grouped(requests),
            share(OutcomeKind::Ok),
            share(OutcomeKind::ClientTimeout),
            share(OutcomeKind::Failed),
            target.rate.map_or_else(|| "—".to_owned(), units::number),
            statistic(Statistic::Quantile(0.5)),
            statistic(Statistic::Quantile(0.95)),
            statistic(Statistic::Quantile(0.99)),
            statistic(Statistic::Max),
        ]
    });
    let body = rows.enumerate().map(|(index, cells)| {
        let target = &page.targets[index];
        let name = element("th").with("scope", "row");
        let name = name.all((page.targets.len() > 1).then(|| swatch(index)));
        let name = name.put(element("span").text(&target.name));
        let address = target.address.as_ref().map(|address| element("small").text(address));
        row(name.all(address), cells)
    });
    let mut parts = vec![table(head, body)];
    parts.extend(page.comparisons.iter().map(grid));
    parts.extend(page.notes.iter().map(|note| element("p").with("class", "note").text(note)));
    parts
}

/// All figures, the outcomes, and the environment.
pub(crate) fn figures(page: &HtmlPage) -> MarkupElement {
    let section = crate::report::page::section("All figures", None);
    let head = std::iter::once("").chain(STATISTICS.map(|(name, _)| name));
    let mut rows = Vec::new();
    let is_open = page.targets.iter().any(|target| target.service.is_some());
    for target in &page.targets {
        let mut add = |what: &str, times: &LatencyHistogram| {
            let name =
                if is_open { format!("{}, {what}", target.name) } else { target.name.clone() };
            let cells = STATISTICS.map(|(_, statistic)| format::latency(statistic.of(times)));
            rows.push(row(element("th").with("scope", "row").text(name), cells.to_vec()));
        };
        add("response", &target.response);
        if let Some(service) = &target.service {
            add("service", service);
        }
    }
    let section = section.put(table(head, rows));
    let outcome_counts = page.targets.iter().flat_map(|target| {
        let requests = target.requests();
        target.outcome_counts.iter().filter(|outcome| outcome.count > 0).map(move |outcome| {
            let text = |text: &str| element("td").with("class", "text").text(text);
            let name = element("th").with("scope", "row").text(&target.name);
            element("tr")
                .put(name)
                .put(text(&outcome.name))
                .put(element("td").text(units::grouped(outcome.count)))
                .put(element("td").text(units::share(outcome.count, requests)))
                .put(text(outcome.first.as_deref().unwrap_or_default()))
        })
    });
    let section =
        section.put(table(["", "outcome", "requests", "share", "first error"], outcome_counts));
    let facts = page
        .facts
        .iter()
        .flat_map(|(name, value)| [element("dt").text(name), element("dd").text(value)]);
    section.put(element("h2").text("Load and environment")).put(element("dl").all(facts))
}

/// The time series with fewer intervals.
pub(crate) fn time_series_table(targets: &[TargetView]) -> MarkupElement {
    let details = element("details").put(element("summary").text("As a table"));
    let head = ["", "until", "a second", "p50", "p95", "p99", "timed out", "failed"];
    let rows = targets.iter().flat_map(|target| {
        let mut until = std::time::Duration::ZERO;
        target.short_time_series.iter().map(move |interval| {
            until += interval.covered;
            let quantile = |share| format::latency(interval.response.quantile(share));
            let cells = vec![
                units::with_three_digits(until),
                units::number(interval.rate()),
                quantile(0.5),
                quantile(0.95),
                quantile(0.99),
                units::grouped(interval.client_timeouts),
                units::grouped(interval.failed),
            ];
            row(element("th").with("scope", "row").text(&target.name), cells)
        })
    });
    details.put(table(head, rows))
}

fn grid(grid: &FigureTable) -> MarkupElement {
    let rows = grid.rows.iter().filter_map(|cells| {
        let (name, cells) = cells.split_first()?;
        Some(row(element("th").with("scope", "row").text(name), cells.to_vec()))
    });
    table(grid.head.iter().map(String::as_str), rows)
}

fn row(name: MarkupElement, cells: Vec<String>) -> MarkupElement {
    element("tr").put(name).all(cells.into_iter().map(|cell| element("td").text(cell)))
}

pub(crate) fn table<'a>(
    head: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = MarkupElement>,
) -> MarkupElement {
    let cell = |name: &str| {
        let cell = element("th").with("scope", "col").text(name);
        // Columns of text are aligned left.
        if matches!(name, "outcome" | "first error") { cell.with("class", "text") } else { cell }
    };
    let head = element("thead").put(element("tr").all(head.into_iter().map(cell)));
    let table = element("table").put(head).put(element("tbody").all(rows));
    element("div").with("class", "scrolls").put(table)
}
