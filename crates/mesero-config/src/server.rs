//! `[server]`, as far as it is about the whole process: the control listener, the threads, the end.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::check::{Check, WrittenPath};
use crate::elements::address::Address;
use crate::elements::element::Setting;
use crate::elements::off::OrOff;
use crate::elements::secret::Secret;
use crate::error::ConfigProblem;
use crate::file::merge::{Written, agreed, agreement};
use crate::file::raw;

/// Settings of the process, which all files share.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The control listener, unless it is off.
    pub control: Option<Control>,
    /// Threads that serve requests.
    pub threads: NonZeroUsize,
    /// The time that requests in flight have to finish once the server stops.
    pub drain_timeout: Duration,
}

/// The listener for jobs, metrics and health.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    pub address: Address,
    /// The token that callers must send; never none if the address is not loopback.
    pub token: Option<Secret>,
}

impl Server {
    /// Takes what is about the whole process out of the tables of all files, each of which has its number.
    pub(crate) fn check(files: &mut [(usize, raw::Server)], check: &mut Check<'_>) -> Self {
        let token_files: Vec<_> = files
            .iter_mut()
            .map(|(file, raw)| {
                check.turn_to(*file);
                let written = raw.control_token_file.take();
                let written = written
                    .map(|path| Setting { span: path.span(), value: check.path(path.get_ref()) });
                (*file, written)
            })
            .collect();
        let token_file = agreement("control_token_file", token_files, check);
        let written = agreed("control", files, |raw| raw.control.take(), check);
        let control = control(written, token_file, check);
        let threads = agreed("threads", files, |raw| raw.threads.take(), check);
        let drain = agreed("drain_timeout", files, |raw| raw.drain_timeout.take(), check);
        Self {
            control,
            threads: threads
                .map_or(NonZeroUsize::MIN, |written| written.setting.value.non_zero_usize()),
            drain_timeout: drain.map_or(Duration::from_secs(30), |written| written.setting.value),
        }
    }
}

fn control(
    control: Option<Written<OrOff<Address>>>,
    token_file: Option<Written<WrittenPath>>,
    check: &mut Check<'_>,
) -> Option<Control> {
    let place = control.as_ref().map(|control| (control.file, control.setting.span.clone()));
    // Only a written value can be wrong.
    let (file, span) = place.unwrap_or_default();
    let control = control.map(|control| control.setting);
    let Some(address) = Setting::or(control, OrOff::On(Address::default_control())).on() else {
        if let Some(token) = token_file {
            let problem = ConfigProblem::new("`control_token_file` without a control listener");
            let problem =
                problem.at_in(token.file, token.setting.span, "no listener requires this token");
            check.note(problem.at_in(file, span, "this is off"));
        }
        return None;
    };
    if token_file.is_none() && !address.is_loopback() {
        let problem =
            ConfigProblem::new("a control listener that other machines can reach, without a token");
        let problem = problem.at_in(file, span, format!("`{address}` is not loopback"));
        check.note(problem.help(
            "name a file that holds the token in `control_token_file`, or listen on 127.0.0.1",
        ));
    }
    let token = token_file.and_then(|file| token(file, check));
    Some(Control { address, token })
}

fn token(written: Written<WrittenPath>, check: &mut Check<'_>) -> Option<Secret> {
    let Written { file, setting: Setting { value: path, span } } = written;
    let shown = path.shown.display();
    let label = match std::fs::read_to_string(&path.absolute) {
        Ok(text) if text.trim().is_empty() => format!("`{shown}` is empty"),
        Ok(text) if text.trim().bytes().all(|byte| byte.is_ascii_graphic()) => {
            return Some(Secret::new(text.trim()));
        }
        Ok(_) => format!("the token in `{shown}` contains characters that are invalid in a header"),
        Err(error) => format!("failed to read `{shown}`: {error}"),
    };
    check.note(ConfigProblem::new("no token in `control_token_file`").at_in(file, span, label));
    None
}
