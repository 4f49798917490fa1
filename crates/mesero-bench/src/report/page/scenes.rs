//! Invented results for tests: everything that a page must show.

use std::time::Duration;

use fastrand::Rng;

use crate::comparison::results::ResourceUsage;
use crate::report::page::{
    FigureTable, HtmlPage, OutcomeCount, OutcomeKind, TargetView, Tone, VerdictSentence,
};
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::time_series::{SeriesSample, TimeSeries};

/// An invented target.
struct SceneTarget<'a> {
    name: &'a str,
    /// In seconds; the spread is that of a normal distribution of the logarithm.
    median: f64,
    spread: f64,
    clients: u32,
    seconds: f64,
    /// Percent.
    client_timeouts: u32,
    failed: u32,
    /// Memory; none for targets that are not launched.
    megabytes: Option<u64>,
}

const HOSTILE: &str = "</title><script>alert('1')</script>\" onclick=\"x&\u{202e} https://a-very-long-host-name.internal.example.org:8443/api/v2/some/kind";

/// All pages, with the names of their contents.
pub(crate) fn scenes() -> impl Iterator<Item = (&'static str, HtmlPage)> {
    let usual = SceneTarget {
        name: "sync",
        median: 0.05,
        spread: 0.3,
        clients: 3_000,
        seconds: 10.0,
        client_timeouts: 0,
        failed: 0,
        megabytes: None,
    };
    let threads =
        || SceneTarget { name: "threads", median: 0.02, spread: 0.6, clients: 2_500, ..usual };
    let tasks =
        || SceneTarget { name: "async", median: 0.008, spread: 0.8, clients: 4_000, ..usual };
    let cut = || SceneTarget {
        name: "one worker",
        median: 4.0,
        spread: 0.3,
        clients: 100,
        seconds: 60.0,
        client_timeouts: 30,
        failed: 10,
        megabytes: None,
    };
    let names = [
        "gunicorn",
        "gunicorn gthread",
        "uvicorn",
        "granian",
        HOSTILE,
        "mesero",
        "mesero wsgi",
        "waitress",
    ];
    let eight = names.into_iter().enumerate().map(|(index, name)| {
        let slower = 1.5f64.powi(i32::try_from(index).unwrap());
        SceneTarget {
            name,
            median: 0.004 * slower,
            clients: 4_000 / (u32::try_from(index).unwrap() + 1),
            ..usual
        }
    });
    let long = |name, median| SceneTarget {
        name,
        median,
        clients: 60_000,
        seconds: 600.0,
        client_timeouts: 3,
        failed: 1,
        ..usual
    };
    let plain = |text| vec![(Tone::Plain, text)];
    [
        ("one", plain("All 8,000 requests were answered."), vec![threads()]),
        (
            "two",
            vec![
                (Tone::Plain, "threads is 2.67 × faster than sync."),
                (Tone::Passed, "passed: ok>=99%"),
            ],
            vec![SceneTarget { ..usual }, threads()],
        ),
        (
            "three",
            plain("async is 4.00 × faster than sync."),
            vec![
                SceneTarget { megabytes: Some(80), ..usual },
                SceneTarget { megabytes: Some(40), ..threads() },
                tasks(),
            ],
        ),
        ("eight", plain("No difference was measured."), eight.collect()),
        (
            "cut",
            vec![
                (Tone::Plain, "60 of 100 requests were answered."),
                (Tone::Failed, "failed: client_timeout=0 (30 of 100)"),
            ],
            vec![cut()],
        ),
        (
            "cut beside",
            plain("60 of 100 requests were answered."),
            vec![cut(), SceneTarget { name: "threads", client_timeouts: 0, failed: 0, ..cut() }],
        ),
        (
            "dead",
            vec![(Tone::Void, "This measurement is void.")],
            vec![SceneTarget { name: HOSTILE, failed: 100, seconds: 1.0, ..usual }],
        ),
        (
            "all timed out",
            plain("None of 100 was answered."),
            vec![SceneTarget { client_timeouts: 100, failed: 0, ..cut() }],
        ),
        (
            "ten",
            plain("All 10 requests were answered."),
            vec![SceneTarget { clients: 10, ..usual }],
        ),
        (
            "a second",
            plain("All were answered."),
            vec![SceneTarget { median: 0.0002, seconds: 1.0, clients: 5_000, ..usual }],
        ),
        ("ten minutes", plain("Some requests timed out."), vec![long("a", 0.1), long("b", 0.9)]),
        (
            "nothing",
            plain("No request was sent."),
            vec![SceneTarget { clients: 0, seconds: 0.0, ..usual }],
        ),
    ]
    .into_iter()
    .map(|(name, verdict, kinds)| (name, page(verdict, &kinds)))
    .chain(std::iter::once(("baseline", with_baseline(&usual))))
}

/// The last target is the baseline of the first.
fn with_baseline(usual: &SceneTarget<'_>) -> HtmlPage {
    let now = SceneTarget { name: "sync", median: 0.06, ..*usual };
    let verdict = vec![(
        Tone::Plain,
        "sync is 1.20 × slower than its baseline: 250 responses a second against 300 (1.18–1.23 ×).",
    )];
    let mut page = page(verdict, &[now, SceneTarget { name: "sync, baseline", ..*usual }]);
    page.now = 1;
    page.targets[1].time_series.clear();
    page.targets[1].short_time_series.clear();
    let text = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
    let head = text(["now ÷ baseline", "a second", "p50", "p99"]);
    let ratio = "0.830 × (0.810–0.850)";
    page.comparisons.push(FigureTable { head, rows: vec![text(["sync", ratio, ratio, ratio])] });
    page
}

fn page(verdict: Vec<(Tone, &str)>, kinds: &[SceneTarget<'_>]) -> HtmlPage {
    let sentence = |(tone, text): (Tone, &str)| VerdictSentence { tone, text: text.to_owned() };
    HtmlPage {
        title: format!("mesero bench: {}", kinds[0].name),
        verdict: verdict.into_iter().map(sentence).collect(),
        targets: kinds.iter().map(target).collect(),
        now: kinds.len(),
        comparisons: Vec::new(),
        notes: vec!["Values after > are lower bounds.".to_owned()],
        facts: vec![("command".to_owned(), format!("mesero bench '{HOSTILE}'"))],
    }
}

fn target(kind: &SceneTarget<'_>) -> TargetView {
    const TIMEOUT: Duration = Duration::from_secs(7);
    let mut random = Rng::with_seed(3);
    let mut response = LatencyHistogram::new().unwrap();
    let mut series = TimeSeries::new().unwrap();
    let [mut ok, mut client_timeouts, mut failed] = [0; 3];
    for number in 0..kind.clients {
        let arrived =
            Duration::from_secs_f64(kind.seconds * f64::from(number) / f64::from(kind.clients));
        // The sum of twelve uniform numbers is nearly normal.
        let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let time = Duration::from_secs_f64(kind.median * (kind.spread * normal).exp());
        match number * 37 % 100 {
            of_hundred if of_hundred < kind.failed => {
                failed += 1;
                series.add(arrived, SeriesSample::Failed);
            }
            of_hundred if of_hundred < kind.failed + kind.client_timeouts => {
                client_timeouts += 1;
                response.add_censored(TIMEOUT);
                series.add(arrived, SeriesSample::ClientTimeout(TIMEOUT));
            }
            _ => {
                ok += 1;
                response.add(time);
                series.add(arrived, SeriesSample::Ok(time));
                series.answered(arrived);
            }
        }
    }
    series.cover(Duration::from_secs_f64(kind.seconds));
    let outcome =
        |kind, name: &str, count| OutcomeCount { kind, name: name.to_owned(), count, first: None };
    let refused = "Connection refused (os error 111)".to_owned();
    TargetView {
        name: kind.name.to_owned(),
        address: Some("http://localhost:8001/resource".to_owned()),
        outcome_counts: vec![
            outcome(OutcomeKind::Ok, "ok", ok),
            outcome(OutcomeKind::ClientTimeout, "client timeout", client_timeouts),
            OutcomeCount {
                first: Some(refused),
                ..outcome(OutcomeKind::Failed, "refused", failed)
            },
        ],
        rate: (ok > 0).then(|| ok as f64 / kind.seconds),
        response,
        service: None,
        resource_usage: kind.megabytes.map(|megabytes| ResourceUsage {
            cpu: Duration::from_millis(megabytes),
            requests: 1_000,
            memory_bytes: megabytes * 1_000_000,
        }),
        time_series: series.intervals(60),
        short_time_series: series.intervals(12),
    }
}
