//! A target in a baseline file.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::to_raw_value;

use crate::baseline::file::round;
use crate::baseline::terms::TargetAccess;
use crate::comparison::results::{ResourceUsage, TargetResults};
use crate::stats::nullable;
use crate::stats::record::serde_form as record_form;

/// A target and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TargetForm {
    pub(crate) name: String,
    /// As typed, without its name.
    url: String,
    #[serde(alias = "way")]
    access: TargetAccess,
    /// Reasons why the results are void, a sentence each.
    pub(crate) void: Vec<String>,
    /// Null for targets that mesero did not launch.
    #[serde(alias = "taken", deserialize_with = "nullable::required")]
    resource_usage: Option<UsageForm>,
    record: record_form::RecordForm,
    /// The finished rounds.
    #[serde(serialize_with = "one_a_line")]
    rounds: Vec<round::RoundForm>,
}

/// CPU time and memory of all processes of the target while requests were counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct UsageForm {
    cpu_s: f64,
    requests: u64,
    memory_bytes: u64,
}

fn one_a_line<S: Serializer>(
    rounds: &[round::RoundForm],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let rounds: Result<Vec<_>, _> = rounds.iter().map(to_raw_value).collect();
    serializer.collect_seq(rounds.map_err(serde::ser::Error::custom)?)
}

impl TargetForm {
    pub(crate) fn new(results: &TargetResults, access: TargetAccess, void: Vec<String>) -> Self {
        let resource_usage = |resource_usage: ResourceUsage| UsageForm {
            cpu_s: resource_usage.cpu.as_secs_f64(),
            requests: resource_usage.requests,
            memory_bytes: resource_usage.memory_bytes,
        };
        Self {
            name: results.name.clone(),
            url: results.url.clone(),
            access,
            void,
            resource_usage: results.resource_usage.map(resource_usage),
            record: (&results.record).into(),
            rounds: results.rounds.iter().map(round::RoundForm::from).collect(),
        }
    }

    pub(crate) fn access(&self) -> &TargetAccess {
        &self.access
    }

    /// Reads the results, without their time series.
    ///
    /// # Errors
    /// If two figures contradict each other.
    pub(crate) fn results(&self, is_interrupted: bool) -> Result<TargetResults, String> {
        let name = &self.name;
        let failed = |why: String| format!("of `{name}`: {why}");
        let mut results = TargetResults::new(name.clone(), self.url.clone())
            .map_err(|error| failed(format!("{error:?}")))?;
        results.record = self.record.record().map_err(failed)?;
        let rounds = self.rounds.iter().enumerate().map(|(index, round)| {
            round.round().map_err(|why| failed(format!("round {}: {why}", index + 1)))
        });
        results.rounds = rounds.collect::<Result<_, String>>()?;
        for (what, all, each) in [
            ("requests", self.record.requests, self.sum(|round| round.requests)),
            ("ok", self.record.ok, self.sum(|round| round.ok)),
        ] {
            // The record also holds the interrupted round, which is not in the list.
            if each > all || each < all && !is_interrupted {
                return Err(failed(format!("`{what}` is {all}, and {each} in its rounds")));
            }
        }
        if let Some(UsageForm { cpu_s, requests, memory_bytes }) = self.resource_usage {
            let cpu = Duration::try_from_secs_f64(cpu_s);
            let cpu = cpu.map_err(|error| failed(format!("`cpu_s`: {error}")))?;
            results.resource_usage = Some(ResourceUsage { cpu, requests, memory_bytes });
        }
        Ok(results)
    }

    fn sum(&self, count: impl Fn(&round::RoundForm) -> u64) -> u64 {
        self.rounds.iter().map(count).fold(0, u64::saturating_add)
    }
}
