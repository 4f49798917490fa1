//! The flags of `mesero bench`.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use mesero_config::PolicyFlags;
use mesero_target::{BodyOption, RequestFlags, TargetArgs, TargetOptions};
use mesero_terminal::whole::whole;

use crate::client::request::RequestSpec;
use crate::plan::{Arrivals, Load, LoadPlan, Protocol, StopCondition};
use crate::thresholds::Thresholds;

/// What `mesero bench` is told.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure: a URL, python:MODULE:FUNCTION, @NAME of a resource in a configuration, or stub:; or several to
    /// compare, each of which may be called NAME=TARGET
    #[arg(value_name = "TARGET", required_unless_present = "command")]
    pub(crate) targets: Vec<String>,
    /// A command to measure, run once for each request
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    pub(crate) launch: LaunchArgs,
    #[command(flatten)]
    request: RequestArgs,
    /// What a TARGET that is no URL is called with: an item, or a range such as 0..1000, as for `mesero run`; may be
    /// repeated, and all are taken in turn [default: the numbers from 0 on]
    #[arg(long = "item", value_name = "ITEM", help_heading = "Target")]
    pub(crate) items: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    policies: LimitArgs,

    /// Say how many calls have to run at once so that those of --rate, or so many clients at once as -c says, are answered
    /// within --patience; measured, computed, and tried. Ends with 3 if that is not to be had
    #[arg(long, help_heading = "Sizing", conflicts_with_all = ["expect", "html", "markdown", "rounds", "warm_up", "save", "baseline"])]
    pub(crate) suggest: bool,
    /// The share of them that have to be answered [default: 99%]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "suggest", help_heading = "Sizing")]
    pub(crate) share: Option<f64>,

    /// What has to hold, such as 'p95<5s, ok>=99%', or beside the first target, or its --baseline, 'p99<=1.1x,
    /// rate>=0.95x'; else mesero ends with 3
    #[arg(long, value_name = "EXPECTATIONS", help_heading = "Verdict and report")]
    pub(crate) expect: Option<Thresholds>,
    /// Do not ask each target once more to see whether all answer the same
    #[arg(long, help_heading = "Verdict and report")]
    pub(crate) ignore_answers: bool,
    /// Print the measurement as JSON
    #[arg(long, help_heading = "Verdict and report")]
    pub(crate) json: bool,
    /// Print the measurement as a table in Markdown
    #[arg(long, conflicts_with = "json", help_heading = "Verdict and report")]
    pub(crate) markdown: bool,
    /// Also write the measurement as a page with drawings, which needs nothing else
    #[arg(long, value_name = "FILE", help_heading = "Verdict and report")]
    pub(crate) html: Option<PathBuf>,
    /// Keep the measurement in a file, as JSON, for a later --baseline. If FILE is the --baseline too, it is replaced only
    /// by what is neither void nor interrupted, and of which holds what is expected
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    pub(crate) save: Option<PathBuf>,
    /// Compare with what --save kept of the same work on the same machine: a single target with a single one, several by
    /// their names
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    pub(crate) baseline: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Clients, each of which asks again when it has its answer; with --rate the most that are in work at once [default:
    /// 10, with --rate 1000]
    #[arg(short, long, value_name = "N", value_parser = whole::<NonZeroUsize>)]
    clients: Option<NonZeroUsize>,
    /// Requests a second that come whether the earlier ones have their answers or not
    #[arg(short, long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// When they come
    #[arg(long, value_name = "PATTERN", default_value = "poisson", requires = "rate")]
    arrivals: Arrivals,
    /// For how long, in each round [default: 10s, or 1s with several targets, --save or --baseline; with --suggest 5s for
    /// each step]
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// How many requests in each round, instead of for how long
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration", value_parser = whole::<NonZeroU64>)]
    requests: Option<NonZeroU64>,
    /// How long a client waits for its answer before it gives up, and closes its connection, or over HTTP/2 its stream
    #[arg(long = "patience", value_name = "DURATION", value_parser = duration, default_value = "30s")]
    timeout: Duration,
    /// In how many rounds; in each, every URL has its turn, in random order [default: 10 with several targets, --save or
    /// --baseline, else 1]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// For how long requests are made before any is counted, in each round [default: none; where there are usually several
    /// rounds, and without -n, a tenth of one]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    warm_up: Option<Duration>,
    /// Make a new connection for each request
    #[arg(long)]
    new_connections: bool,
    /// Speak HTTP/2 with URLs: over https the server has to choose it, over http it is spoken without asking
    #[arg(long)]
    http2: bool,
    /// How many clients share a connection of HTTP/2, each with a stream of his own [default: 1]
    #[arg(long, value_name = "N", value_parser = whole::<NonZeroUsize>, requires = "http2", conflicts_with = "new_connections")]
    streams: Option<NonZeroUsize>,
    /// How late the generator itself may be, in 99 of 100 cases, before the measurement is void [default: 10ms,
    /// or a hundredth of the median response]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    tolerance: Option<Duration>,
    /// Names all that is random: the same seed, the same arrivals in the same rounds
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Starting what is measured")]
pub(crate) struct LaunchArgs {
    /// A command line that starts what the URL of the same place is answered by, one for each URL, '' for one that runs
    /// already. It is started before each turn and ended after it
    #[arg(long = "start", value_name = "COMMAND")]
    pub(crate) start_commands: Vec<String>,
    /// How long it may take until it answers
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    pub(crate) start_timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
struct RequestArgs {
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<String>,
    /// A header, 'NAME: VALUE'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The body
    #[arg(long, value_name = "BODY")]
    data: Option<String>,
    /// A PEM file of the certificates to trust over https [default: those that the system trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// How much at once a TARGET that is no URL may do.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
struct LimitArgs {
    /// Calls that it serves at once [default: that of the configuration; 10, for a command the processors, for a function
    /// its threads]
    #[arg(long, short = 'l', value_name = "N")]
    limit: Option<String>,
    /// Calls that may wait for their turn, or off [default: that of the configuration, or 1000]
    #[arg(long, value_name = "N")]
    queue: Option<String>,
}

impl BenchArgs {
    /// What is said of a target that is no URL: of the word, or of the command where there is none.
    pub(crate) fn wanted<'a>(&'a self, word: Option<&'a str>) -> TargetOptions<'a> {
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
        // As many rounds as an interval can be computed from, in the same time.
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

    /// What is spoken with URLs.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.load.http2 {
            Protocol::Http2 { streams: self.load.streams.unwrap_or(NonZeroUsize::MIN) }
        } else {
            Protocol::Http1
        }
    }

    /// Whether it is said how many clients there are.
    pub(crate) fn says_how_many(&self) -> bool {
        self.load.clients.is_some()
    }

    /// How long each of the measurements takes that a suggestion rests on.
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
    // An hour is what times are kept up to.
    let bounds = Duration::from_nanos(1)..=Duration::from_secs(3_600);
    let duration = humantime::parse_duration(text).ok();
    let duration = duration.filter(|duration| bounds.contains(duration));
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
