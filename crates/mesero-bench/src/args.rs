//! Flags of `mesero bench`.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use mesero_config::PolicyFlags;
use mesero_target::{BodyOption, RequestFlags, TargetArgs, TargetOptions};
use mesero_terminal::units::{parse_duration, parse_positive};

use crate::client::request::RequestSpec;
use crate::plan::{Arrivals, Load, LoadPlan, Protocol, StopCondition};
use crate::thresholds::Thresholds;

/// The command line of `mesero bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Target of the load test: a URL, python:MODULE:FUNCTION, @NAME of a resource in a configuration, or stub:.
    /// Several targets are compared; each may be named, NAME=TARGET
    #[arg(value_name = "TARGET", required_unless_present = "command")]
    pub(crate) targets: Vec<String>,
    /// Command as target, started once for each request
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    pub(crate) launch: LaunchArgs,
    #[command(flatten)]
    request: RequestArgs,
    /// Item to call a target with that is no URL: a value, or a range such as 0..1000, as for `mesero run`; may be
    /// repeated, and the items are used in turn [default: the numbers from 0 on]
    #[arg(long = "item", value_name = "ITEM", help_heading = "Target")]
    pub(crate) items: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    policies: LimitArgs,

    /// Suggest the concurrency with which the calls of --rate, or -c simultaneous clients, are answered within
    /// --timeout: measures, computes, and tries it. Exits with 3 if the goal cannot be met
    #[arg(long, help_heading = "Sizing", conflicts_with_all = ["expect", "html", "markdown", "rounds", "warm_up", "save", "baseline"])]
    pub(crate) suggest: bool,
    /// Share of them to answer in time [default: 99%]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "suggest", help_heading = "Sizing")]
    pub(crate) share: Option<f64>,

    /// Thresholds such as 'p95<5s, ok>=99%', or relative to the first target, or to the --baseline, such as 'p99<=1.1x,
    /// rate>=0.95x'; exits with 3 if one does not hold
    #[arg(long, value_name = "EXPECTATIONS", help_heading = "Verdict and report")]
    pub(crate) expect: Option<Thresholds>,
    /// Do not compare the responses of the targets with each other
    #[arg(long, help_heading = "Verdict and report")]
    pub(crate) ignore_answers: bool,
    /// Print the results as JSON
    #[arg(long, help_heading = "Verdict and report")]
    pub(crate) json: bool,
    /// Print the results as Markdown tables
    #[arg(long, conflicts_with = "json", help_heading = "Verdict and report")]
    pub(crate) markdown: bool,
    /// Also write the results as an HTML page with charts, in one file
    #[arg(long, value_name = "FILE", help_heading = "Verdict and report")]
    pub(crate) html: Option<PathBuf>,
    /// Save the results as JSON, for a later --baseline. If FILE is the --baseline too, it is only replaced by results
    /// that are neither void nor interrupted, and for which all thresholds hold
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    pub(crate) save: Option<PathBuf>,
    /// Compare with the results in a file of --save, of the same load on the same machine: one target with one, several
    /// by their names
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    pub(crate) baseline: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Clients, each of which sends its next request when it has its response; with --rate the most requests in flight
    /// [default: 10, with --rate 1000]
    #[arg(short, long, value_name = "N", value_parser = parse_positive::<NonZeroUsize>)]
    clients: Option<NonZeroUsize>,
    /// Requests a second, independent of the responses to earlier ones (open load)
    #[arg(short, long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Distribution of the times between requests
    #[arg(long, value_name = "PATTERN", default_value = "poisson", requires = "rate")]
    arrivals: Arrivals,
    /// Length of each round [default: 10s, or 1s with several targets, --save or --baseline; with --suggest 5s for each
    /// step]
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// Number of requests in each round, instead of its length
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration", value_parser = parse_positive::<NonZeroU64>)]
    requests: Option<NonZeroU64>,
    /// Timeout of a request, from the time it is due; then its connection is closed, or over HTTP/2 its stream
    #[arg(long, alias = "patience", value_name = "DURATION", value_parser = duration, default_value = "30s")]
    timeout: Duration,
    /// Number of rounds; each round measures every target once, in random order [default: 10 with several targets,
    /// --save or --baseline, else 1]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// Time before each round in which requests are sent and not counted [default: none; with several targets, --save
    /// or --baseline, and without -n, a tenth of a round]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    warm_up: Option<Duration>,
    /// Open a new connection for each request
    #[arg(long)]
    new_connections: bool,
    /// Use HTTP/2 for URLs: over https the server must select it, over http it is used with prior knowledge
    #[arg(long)]
    http2: bool,
    /// Clients that share an HTTP/2 connection, each with its own stream [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_positive::<NonZeroUsize>, requires = "http2", conflicts_with = "new_connections")]
    streams: Option<NonZeroUsize>,
    /// Delay of the generator itself, at the 99th percentile, above which the results are void [default: 10ms, or a
    /// hundredth of the median response time]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    tolerance: Option<Duration>,
    /// Random seed: the same seed gives the same arrivals in the same rounds
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Starting what is measured")]
pub(crate) struct LaunchArgs {
    /// Command line that starts the server of a URL, once for each URL in their order, '' for a URL that is served
    /// already. It is started before each trial and stopped after it
    #[arg(long = "start", value_name = "COMMAND")]
    pub(crate) start_commands: Vec<String>,
    /// Time until the server must respond
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    pub(crate) start_timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
struct RequestArgs {
    /// Method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<String>,
    /// Header, 'NAME: VALUE'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// Request body
    #[arg(long, value_name = "BODY")]
    data: Option<String>,
    /// PEM file of the certificates to trust over https [default: those that the system trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Limits of a target that is no URL.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
struct LimitArgs {
    /// Calls in progress at once [default: that of the configuration; 10, for a command the number of processors, for a
    /// function its threads]
    #[arg(long, short = 'l', value_name = "N")]
    limit: Option<String>,
    /// Calls that may wait for a slot, or off [default: that of the configuration, or 1000]
    #[arg(long, value_name = "N")]
    queue: Option<String>,
}

impl BenchArgs {
    /// Options of a target that is no URL; without a word, of the command.
    pub(crate) fn target_options<'a>(&'a self, word: Option<&'a str>) -> TargetOptions<'a> {
        let RequestArgs { method, headers, data, .. } = &self.request;
        let LimitArgs { limit, queue } = &self.policies;
        let policy =
            PolicyFlags { limit: limit.clone(), queue: queue.clone(), ..Default::default() };
        TargetOptions {
            name: word,
            command: if word.is_none() { &self.command } else { &[] },
            is_repetition: self.items.is_empty(),
            request: RequestFlags {
                method: method.as_deref(),
                headers,
                body: data.as_deref().map_or(BodyOption::Nothing, BodyOption::Raw),
            },
            target: &self.target,
            policy,
        }
    }

    pub(crate) fn plan(&self) -> LoadPlan {
        let LoadArgs { clients, rate, arrivals, duration, requests, rounds, .. } = self.load;
        // Enough rounds for a confidence interval, in the same time.
        let are_several = self.targets.len() + usize::from(!self.command.is_empty()) > 1;
        let is_contest = are_several || self.save.is_some() || self.baseline.is_some();
        let (usual_time, usual_rounds) =
            if is_contest { (Duration::from_secs(1), 10) } else { (Duration::from_secs(10), 1) };
        let until = match requests {
            Some(requests) => StopCondition::Requests(requests),
            None => StopCondition::Time(duration.unwrap_or(usual_time)),
        };
        let usual_warm_up = match until {
            StopCondition::Time(time) if is_contest => time / 10,
            _ => Duration::ZERO,
        };
        let or = |default: usize| clients.unwrap_or(NonZeroUsize::MIN.saturating_add(default - 1));
        LoadPlan {
            load: match rate {
                None => Load::Closed { clients: or(10) },
                Some(rate) => Load::Open { rate, arrivals, concurrency: or(1_000) },
            },
            protocol: self.protocol(),
            until,
            timeout: self.load.timeout,
            warm_up: self.load.warm_up.unwrap_or(usual_warm_up),
            tolerance: self.load.tolerance,
            seed: self.load.seed,
            rounds: NonZeroU32::new(rounds.unwrap_or(usual_rounds)).unwrap_or(NonZeroU32::MIN),
        }
    }

    /// HTTP version for URLs.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.load.http2 {
            Protocol::Http2 { streams: self.load.streams.unwrap_or(NonZeroUsize::MIN) }
        } else {
            Protocol::Http1
        }
    }

    /// Whether `-c` was given.
    pub(crate) fn says_how_many(&self) -> bool {
        self.load.clients.is_some()
    }

    /// Length of each measurement of `--suggest`.
    pub(crate) fn step_time(&self) -> Duration {
        self.load.duration.unwrap_or(Duration::from_secs(5))
    }

    pub(crate) fn request(&self) -> RequestSpec {
        let RequestArgs { method, headers, data, ca } = &self.request;
        RequestSpec {
            method: method.clone(),
            headers: headers.clone(),
            body: data.clone(),
            protocol: self.protocol(),
            new_connection_per_request: self.load.new_connections,
            ca: ca.clone(),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    // Latency histograms hold up to an hour.
    let bounds = Duration::from_nanos(1)..=Duration::from_secs(3_600);
    let duration = parse_duration(text).filter(|duration| bounds.contains(duration));
    duration.ok_or_else(|| {
        "wanted a duration such as 10s or 250ms, above zero and up to an hour".to_owned()
    })
}

fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    let share = number.ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "wanted a share such as 99% or 0.99, above 0 and up to 100%".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse().ok();
    let rate = number.filter(|rate| (0.001..=1e6).contains(rate));
    rate.ok_or_else(|| {
        "wanted a number of requests a second such as 500 or 0.5, up to a million".to_owned()
    })
}
