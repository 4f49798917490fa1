//! Terms under which two measurements can be compared.

use std::hash::Hasher;
use std::time::Duration;

use mesero_terminal::units::exact_duration;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::args::BenchArgs;
use crate::baseline::environment::Machine;
use crate::plan::{Arrivals, Load, LoadPlan, Protocol, StopCondition};
use crate::stats::nullable;

/// Machine, load and request of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MeasurementTerms {
    pub(crate) machine: Machine,
    plan: PlanForm,
    #[serde(alias = "asked")]
    request: RequestForm,
}

/// The load on each target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PlanForm {
    clients: u64,
    /// Requests a second; null, like the arrivals, for a closed load.
    #[serde(deserialize_with = "nullable::required")]
    rate: Option<f64>,
    #[serde(deserialize_with = "nullable::required")]
    arrivals: Option<Arrivals>,
    /// Length of a round; null if rounds end after a number of requests.
    #[serde(deserialize_with = "nullable::required")]
    duration_s: Option<f64>,
    #[serde(deserialize_with = "nullable::required")]
    requests: Option<u64>,
    #[serde(alias = "patience_s")]
    timeout_s: f64,
    warm_up_s: f64,
    seed: u64,
    rounds: u32,
}

/// The HTTP request, or the items of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RequestForm {
    http: String,
    /// Clients that share an HTTP/2 connection; null or missing for HTTP/1.1.
    streams: Option<u64>,
    method: String,
    /// Header names, sorted.
    headers: Vec<String>,
    /// Null without a body.
    #[serde(deserialize_with = "nullable::required")]
    body: Option<Digest>,
    /// Items of `--item`; null without any.
    #[serde(deserialize_with = "nullable::required")]
    items: Option<Digest>,
    new_connections: bool,
}

/// Length and a 16-bit checksum of a text: enough to detect another text, too little to recover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Digest {
    bytes: u64,
    check: u16,
}

/// Access to a target: URL scheme and path, and whether mesero launches it for each trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetAccess {
    /// `http` or `https`; null, like the path, for targets that are no URLs.
    #[serde(deserialize_with = "nullable::required")]
    pub(crate) scheme: Option<String>,
    /// With the query.
    #[serde(deserialize_with = "nullable::required")]
    pub(crate) path: Option<String>,
    pub(crate) started: bool,
}

/// A term with two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TermDifference {
    pub(crate) what: String,
    pub(crate) saved: String,
    pub(crate) now: String,
}

/// The name of a term and its value.
type Term = (&'static str, String);

impl MeasurementTerms {
    pub(crate) fn new(plan: &LoadPlan, args: &BenchArgs) -> Self {
        Self { machine: Machine::this(), plan: plan.into(), request: args.into() }
    }

    /// All terms that differ from the saved ones. Rounds, seed and kernel version may differ.
    pub(crate) fn differences(&self, saved: &MeasurementTerms) -> Vec<TermDifference> {
        differences(&saved.all(), &self.all())
    }

    fn all(&self) -> Vec<Term> {
        let machine = &self.machine;
        let machine =
            [("processor", machine.processor.clone()), ("cores", machine.cores.to_string())];
        machine.into_iter().chain(self.plan.all()).chain(self.request.all()).collect()
    }
}

impl TargetAccess {
    pub(crate) fn differences(&self, saved: &TargetAccess) -> Vec<TermDifference> {
        differences(&saved.all(), &self.all())
    }

    fn all(&self) -> [Term; 3] {
        let or = |value: &Option<String>| value.clone().unwrap_or_else(|| "a call".to_owned());
        [
            ("scheme", or(&self.scheme)),
            ("path", or(&self.path)),
            ("--start", if self.started { "for each turn" } else { "not used" }.to_owned()),
        ]
    }
}

fn differences(saved: &[Term], now: &[Term]) -> Vec<TermDifference> {
    let pairs = saved.iter().zip(now).filter(|(saved, now)| saved != now);
    let difference = |((what, saved), (_, now)): (&Term, &Term)| TermDifference {
        what: (*what).to_owned(),
        saved: saved.clone(),
        now: now.clone(),
    };
    pairs.map(difference).collect()
}

impl From<&LoadPlan> for PlanForm {
    fn from(plan: &LoadPlan) -> Self {
        let (rate, arrivals) = match plan.load {
            Load::Closed { .. } => (None, None),
            Load::Open { rate, arrivals, .. } => (Some(rate), Some(arrivals)),
        };
        let (duration, requests) = match plan.until {
            StopCondition::Time(time) => (Some(time.as_secs_f64()), None),
            StopCondition::Requests(count) => (None, Some(count.get())),
        };
        Self {
            clients: plan.load.concurrency().get() as u64,
            rate,
            arrivals,
            duration_s: duration,
            requests,
            timeout_s: plan.timeout.as_secs_f64(),
            warm_up_s: plan.warm_up.as_secs_f64(),
            seed: plan.seed,
            rounds: plan.rounds.get(),
        }
    }
}

impl PlanForm {
    fn all(&self) -> [Term; 6] {
        let rate = self.rate.map_or_else(|| "none".to_owned(), |rate| format!("{rate}/s"));
        let arrivals = match self.arrivals {
            None => "after each response",
            Some(Arrivals::Poisson) => "poisson",
            Some(Arrivals::Uniform) => "uniform",
        };
        let round = match (self.duration_s, self.requests) {
            (Some(seconds), _) => time(seconds),
            (None, Some(requests)) => format!("{requests} requests"),
            (None, None) => "unlimited".to_owned(),
        };
        [
            ("clients", self.clients.to_string()),
            ("rate", rate),
            ("arrivals", arrivals.to_owned()),
            ("a round", round),
            ("timeout", time(self.timeout_s)),
            ("warm-up", time(self.warm_up_s)),
        ]
    }
}

/// With nanoseconds, as on the command line.
fn time(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) => exact_duration(time),
        Err(_) => format!("{seconds} s"),
    }
}

impl From<&BenchArgs> for RequestForm {
    fn from(args: &BenchArgs) -> Self {
        let request = args.request();
        let name = |header: &String| {
            header.split(':').next().unwrap_or_default().trim().to_ascii_lowercase()
        };
        let mut headers: Vec<_> = request.headers.iter().map(name).collect();
        headers.sort_unstable();
        let usual = if request.body.is_some() { "POST" } else { "GET" };
        let items = args.items.join("\n");
        let (http, streams) = match request.protocol {
            Protocol::Http1 => ("1.1", None),
            Protocol::Http2 { streams } => ("2", Some(streams.get() as u64)),
        };
        Self {
            http: http.to_owned(),
            streams,
            method: request.method.unwrap_or_else(|| usual.to_owned()),
            headers,
            body: request.body.as_deref().map(Digest::of),
            items: (!args.items.is_empty()).then(|| Digest::of(&items)),
            new_connections: request.new_connection_per_request,
        }
    }
}

impl RequestForm {
    fn all(&self) -> [Term; 7] {
        let digest = |digest: Option<Digest>| match digest {
            None => "none".to_owned(),
            Some(Digest { bytes, check }) => format!("{bytes} bytes, check {check}"),
        };
        let headers = match &self.headers[..] {
            [] => "none".to_owned(),
            headers => headers.join(", "),
        };
        [
            ("HTTP", self.http.clone()),
            ("streams", format!("{} a connection", self.streams.unwrap_or(1))),
            ("method", self.method.clone()),
            ("headers", headers),
            ("body", digest(self.body)),
            ("items", digest(self.items)),
            ("connections", if self.new_connections { "new ones" } else { "kept" }.to_owned()),
        ]
    }
}

impl Digest {
    fn of(text: &str) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(text.as_bytes());
        let [first, second, ..] = hasher.finish().to_le_bytes();
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        Self { bytes, check: u16::from_le_bytes([first, second]) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    pub(crate) fn terms(flags: &[&str]) -> MeasurementTerms {
        let command = BenchArgs::augment_args(Command::new("bench").no_binary_name(true));
        let words = std::iter::once("http://host/").chain(flags.iter().copied());
        let matches = command.try_get_matches_from(words).unwrap();
        let args = BenchArgs::from_arg_matches(&matches).unwrap();
        MeasurementTerms::new(&args.plan(), &args)
    }

    #[test]
    fn every_different_term_is_reported_with_both_values() {
        let usual: &[&str] = &["-d", "1s"];
        let cases: [(&[&str], &str, &str, &str); 14] = [
            (&["-c", "20"], "clients", "10", "20"),
            (&["--rate", "5", "-c", "10"], "rate", "none", "5/s"),
            (&["--rate", "5", "-c", "10"], "arrivals", "after each response", "poisson"),
            (&["-d", "1001ms"], "a round", "1s", "1s 1ms"),
            (&["--timeout", "7s"], "timeout", "30s", "7s"),
            (&["--warm-up", "1ms"], "warm-up", "0s", "1ms"),
            (&["--new-connections"], "connections", "kept", "new ones"),
            (&["--http2"], "HTTP", "1.1", "2"),
            (&["--http2", "--streams", "5"], "streams", "1 a connection", "5 a connection"),
            (&["-X", "PUT"], "method", "GET", "PUT"),
            (&["-H", "b: 1", "-HA:2"], "headers", "none", "a, b"),
            (&["--data", "x"], "body", "none", "1 bytes, check "),
            (&["--item", "0..9"], "items", "none", "4 bytes, check "),
            (&["--data", "x"], "method", "GET", "POST"),
        ];
        for (flags, what, saved, now) in cases {
            let usual = if flags.contains(&"-d") { &usual[..0] } else { usual };
            let changed = terms(&[usual, flags].concat());
            let differences = changed.differences(&terms(&["-d", "1s"]));
            let label = |difference: &&TermDifference| difference.what == what;
            let difference = differences.iter().find(label).unwrap();
            assert_eq!(difference.saved, saved, "{what}");
            assert!(difference.now.starts_with(now), "{difference:?}");
        }
    }

    #[test]
    fn the_flag_of_the_timeout_in_mesero_0_1_is_read_and_not_shown() {
        assert_eq!(terms(&["--patience", "7s"]), terms(&["--timeout", "7s"]));
        let mut command = BenchArgs::augment_args(Command::new("bench").no_binary_name(true));
        let help = command.render_long_help().to_string();
        assert!(help.contains("--timeout") && !help.contains("patience"), "{help}");
    }

    #[test]
    fn all_differences_are_reported_at_once() {
        let mut other = terms(&["-n", "5", "-c", "3", "--data", "pin=1234"]);
        other.machine.cores += 1;
        other.machine.processor.push_str(" II");
        let differences = other.differences(&terms(&["-n", "6", "--data", "pin=1235"]));
        let what: Vec<_> = differences.iter().map(|difference| difference.what.as_str()).collect();
        assert_eq!(what, ["processor", "cores", "clients", "a round", "body"]);
    }

    #[test]
    fn rounds_seed_system_and_the_values_of_headers_may_differ_and_are_not_kept() {
        let other = terms(&["-d", "1s", "--rounds", "9", "--seed", "5", "-H", "A: hunter2"]);
        let mut saved = terms(&["-d", "1s", "-H", "a: hunter3"]);
        saved.machine.system = "Linux 1.0".to_owned();
        assert_eq!(other.differences(&saved), []);
        let text = serde_json::to_string(&other).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(serde_json::from_str::<MeasurementTerms>(&text).unwrap(), other);
    }
}
