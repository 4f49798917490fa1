//! Time, machine and command of a measurement.

use std::fmt;
use std::fs;
use std::time::SystemTime;

use rustix::system::uname;
use serde::{Deserialize, Serialize};

/// The environment of a measurement, as a reader of the report needs it.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// In RFC 3339.
    pub(crate) when: String,
    pub(crate) machine: Machine,
    /// The command line, without the values of headers and bodies, which may be secrets.
    pub(crate) command: String,
}

/// The properties of a machine that results depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    /// Cores that this process may use.
    pub(crate) cores: u64,
    pub(crate) system: String,
}

impl Environment {
    /// Environment of this process.
    pub(crate) fn now() -> Self {
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let when = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Self { when, machine: Machine::this(), command: command(words) }
    }
}

impl Machine {
    /// Machine that this process runs on.
    pub(crate) fn this() -> Self {
        let label = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            label.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let processor =
            model.map_or("a processor that does not say its name", |(_, model)| model.trim());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let system = uname();
        let [system, release] =
            [system.sysname(), system.release()].map(|text| text.to_string_lossy().into_owned());
        Self {
            processor: processor.to_owned(),
            cores: cores as u64,
            system: format!("{system} {release}"),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, system } = self;
        let unit = if *cores == 1 { "core" } else { "cores" };
        write!(f, "{processor}, {cores} {unit}, {system}")
    }
}

/// Flags with values that may be secret, short and long.
const SECRET: [(Option<char>, &str); 2] = [(Some('H'), "header"), (None, "data")];

fn command(words: impl Iterator<Item = String>) -> String {
    let mut shown = Vec::new();
    let mut is_secret = false;
    for (index, word) in words.enumerate() {
        let word = match index {
            // The directory of the program is left out.
            0 => word.rsplit('/').next().unwrap_or_default().to_owned(),
            _ if is_secret => hidden(&word),
            _ => with_hidden_value(&word).unwrap_or_else(|| word.clone()),
        };
        is_secret = !is_secret
            && SECRET.iter().any(|(short, long)| {
                word.strip_prefix("--") == Some(long)
                    || short.is_some_and(|short| word == format!("-{short}"))
            });
        shown.push(quoted(&word));
    }
    shown.join(" ")
}

/// A flag and its value in one word, with the value hidden; none for other words.
fn with_hidden_value(word: &str) -> Option<String> {
    SECRET.iter().find_map(|(short, long)| {
        if let Some(value) = word.strip_prefix(&format!("--{long}=")) {
            return Some(format!("--{long}={}", hidden(value)));
        }
        let value =
            word.strip_prefix(&format!("-{}", (*short)?)).filter(|value| !value.is_empty())?;
        Some(format!("-{}{}", (*short)?, hidden(value)))
    })
}

/// The name of a header, without its value.
fn hidden(value: &str) -> String {
    value.split_once(':').map_or_else(|| "…".to_owned(), |(name, _)| format!("{name}: …"))
}

/// A word with the quotes that a shell needs.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,{}…".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_is_typed_but_for_what_may_be_a_secret() {
        let words = [
            "/usr/bin/mesero",
            "bench",
            "http://host/?a=1&b=2",
            "-H",
            "Authorization: Bearer x",
            "-HCookie: y",
            "--header=X-Key: z",
            "--data",
            "pin=1234",
            "--data=pin:1234",
            "--expect",
            "p95<5s, ok>=99%",
            "it's",
        ];
        let shown = command(words.into_iter().map(str::to_owned));
        assert_eq!(
            shown,
            "mesero bench 'http://host/?a=1&b=2' -H 'Authorization: …' '-HCookie: …' '--header=X-Key: …' --data … \
             '--data=pin: …' --expect 'p95<5s, ok>=99%' 'it'\\''s'"
        );
    }

    #[test]
    fn a_machine_says_how_many_cores_it_has() {
        let environment = Environment::now();
        let machine = environment.machine.to_string();
        assert!(machine.contains(" core"), "{machine}");
        assert!(environment.when.ends_with('Z'), "{}", environment.when);
    }
}
