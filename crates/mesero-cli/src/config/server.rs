//! `[server]`: the listeners and the bounds of the HTTP front.

use std::num::NonZeroUsize;
use std::time::Duration;

use toml::Spanned;

use super::check::Check;
use super::elements::Setting;
use super::elements::address::Address;
use super::elements::off::OrOff;
use super::elements::one_or_many::OneOrMany;
use super::elements::size::Size;
use super::error::Problem;
use super::raw;
use super::secret::Secret;

/// What the HTTP front listens on and what it puts up with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    /// At least one.
    pub(crate) listen: Vec<Address>,
    /// The control listener, unless it is off.
    pub(crate) control: Option<Control>,
    /// Threads that serve requests.
    pub(crate) threads: NonZeroUsize,
    /// Open connections, of all listeners together.
    pub(crate) connections: NonZeroUsize,
    /// From the first byte of a request's head to its last.
    pub(crate) header_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub(crate) idle_timeout: Duration,
    /// From the end of a request's head to the end of its body.
    pub(crate) body_timeout: Duration,
    /// In bytes.
    pub(crate) body_limit: usize,
    /// In bytes; at least 8 KiB.
    pub(crate) header_limit: usize,
    /// How long the requests in flight may take to finish once the server stops.
    pub(crate) drain_timeout: Duration,
}

/// The listener for jobs, metrics and health.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Control {
    pub(crate) address: Address,
    /// What callers must show; always there when the address is not loopback.
    pub(crate) token: Option<Secret>,
}

/// Less than this the HTTP parser cannot work with; more than the other is no longer a head.
const HEADER_LIMITS: (usize, usize) = (8 * 1024, 16 * 1024 * 1024);

impl Server {
    pub(super) fn check(raw: raw::Server, check: &mut Check<'_>) -> Self {
        let seconds = Duration::from_secs;
        let count = |value: u32| NonZeroUsize::new(value as usize).unwrap_or(NonZeroUsize::MIN);
        Self {
            listen: Setting::or(raw.listen, OneOrMany(vec![Address::default()])).0,
            control: control(raw.control, raw.control_token_file, check),
            threads: raw
                .threads
                .map_or(NonZeroUsize::MIN, |threads| threads.value.non_zero_usize()),
            connections: raw
                .connections
                .map_or(count(10_000), |count| count.value.non_zero_usize()),
            header_timeout: Setting::or(raw.header_timeout, seconds(10)),
            idle_timeout: Setting::or(raw.idle_timeout, seconds(75)),
            body_timeout: Setting::or(raw.body_timeout, seconds(30)),
            body_limit: Setting::or(raw.body_limit, Size(1024 * 1024)).0,
            header_limit: header_limit(raw.header_limit, check),
            drain_timeout: Setting::or(raw.drain_timeout, seconds(30)),
        }
    }
}

fn header_limit(setting: Option<Setting<Size>>, check: &mut Check<'_>) -> usize {
    let Some(Setting { value: Size(bytes), span }) = setting else {
        return 64 * 1024;
    };
    let (least, most) = HEADER_LIMITS;
    if !(least..=most).contains(&bytes) {
        let label = format!("wanted 8KiB to 16MiB, came {bytes} bytes");
        check.note(Problem::new("`header_limit` is out of its range").at(span, label));
    }
    bytes
}

fn control(
    control: Option<Setting<OrOff<Address>>>,
    token_file: Option<Spanned<String>>,
    check: &mut Check<'_>,
) -> Option<Control> {
    let span = control.as_ref().map(|control| control.span.clone()).unwrap_or_default();
    let Some(address) = Setting::or(control, OrOff::On(Address::default_control())).on() else {
        if let Some(file) = token_file {
            let problem = Problem::new("`control_token_file` without a control listener");
            check.note(
                problem.at(file.span(), "nothing asks for this token").at(span, "this is off"),
            );
        }
        return None;
    };
    if token_file.is_none() && !address.is_loopback() {
        let problem =
            Problem::new("a control listener that other machines can reach, without a token");
        check.note(problem.at(span, format!("`{address}` is not loopback")).help(
            "name a file that holds the token in `control_token_file`, or listen on 127.0.0.1",
        ));
    }
    let token = token_file.and_then(|file| token(&file, check));
    Some(Control { address, token })
}

fn token(file: &Spanned<String>, check: &mut Check<'_>) -> Option<Secret> {
    let path = check.path(file.get_ref());
    let shown = path.shown.display();
    let label = match std::fs::read_to_string(&path.absolute) {
        Ok(text) if text.trim().is_empty() => format!("`{shown}` is empty"),
        Ok(text) if text.trim().bytes().all(|byte| byte.is_ascii_graphic()) => {
            return Some(Secret::new(text.trim()));
        }
        Ok(_) => format!("the token in `{shown}` has characters that no header can carry"),
        Err(error) => format!("failed to read `{shown}`: {error}"),
    };
    check.note(Problem::new("no token in `control_token_file`").at(file.span(), label));
    None
}
