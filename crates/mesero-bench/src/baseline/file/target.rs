//! What was measured of a target, as a file keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::to_raw_value;

use crate::baseline::file::round;
use crate::baseline::terms::Way;
use crate::comparison::results::{Measured, Taken};
use crate::stats::nullable;
use crate::stats::record::serde_form as record_form;

/// A target, and all that can be compared with it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// As it was written, without its name.
    url: String,
    way: Way,
    /// Reasons why it is not to be believed, a sentence each.
    pub(crate) void: Vec<String>,
    /// Null if it was not started to be measured.
    #[serde(deserialize_with = "nullable::required")]
    taken: Option<KeptTaken>,
    record: record_form::Kept,
    /// Each that was finished.
    #[serde(serialize_with = "one_a_line")]
    rounds: Vec<round::Kept>,
}

/// What it took while requests were counted, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct KeptTaken {
    cpu_s: f64,
    requests: u64,
    memory_bytes: u64,
}

fn one_a_line<S: Serializer>(rounds: &[round::Kept], serializer: S) -> Result<S::Ok, S::Error> {
    let rounds: Result<Vec<_>, _> = rounds.iter().map(to_raw_value).collect();
    serializer.collect_seq(rounds.map_err(serde::ser::Error::custom)?)
}

impl Target {
    pub(crate) fn new(measured: &Measured, way: Way, void: Vec<String>) -> Self {
        let taken = |taken: Taken| KeptTaken {
            cpu_s: taken.cpu.as_secs_f64(),
            requests: taken.requests,
            memory_bytes: taken.memory_bytes,
        };
        Self {
            name: measured.name.clone(),
            url: measured.url.clone(),
            way,
            void,
            taken: measured.taken.map(taken),
            record: (&measured.record).into(),
            rounds: measured.rounds.iter().map(round::Kept::from).collect(),
        }
    }

    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    /// What was measured again, but for how it went over time.
    ///
    /// # Errors
    /// What in it contradicts what else.
    pub(crate) fn measured(&self, is_interrupted: bool) -> Result<Measured, String> {
        let name = &self.name;
        let failed = |why: String| format!("of `{name}`: {why}");
        let mut measured = Measured::new(name.clone(), self.url.clone())
            .map_err(|error| failed(format!("{error:?}")))?;
        measured.record = self.record.record().map_err(failed)?;
        let rounds = self.rounds.iter().enumerate().map(|(index, round)| {
            round.round().map_err(|why| failed(format!("round {}: {why}", index + 1)))
        });
        measured.rounds = rounds.collect::<Result<_, String>>()?;
        for (what, all, each) in [
            ("requests", self.record.requests, self.sum(|round| round.requests)),
            ("ok", self.record.ok, self.sum(|round| round.ok)),
        ] {
            // What there is of a round that was interrupted is in none of them.
            if each > all || each < all && !is_interrupted {
                return Err(failed(format!("`{what}` is {all}, and of its rounds {each}")));
            }
        }
        if let Some(KeptTaken { cpu_s, requests, memory_bytes }) = self.taken {
            let cpu = Duration::try_from_secs_f64(cpu_s);
            let cpu = cpu.map_err(|error| failed(format!("`cpu_s`: {error}")))?;
            measured.taken = Some(Taken { cpu, requests, memory_bytes });
        }
        Ok(measured)
    }

    fn sum(&self, count: impl Fn(&round::Kept) -> u64) -> u64 {
        self.rounds.iter().map(count).fold(0, u64::saturating_add)
    }
}
