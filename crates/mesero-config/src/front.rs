//! `[server]`, as far as it is about one front: its addresses, its limits, and the routes.

mod conflicts;
mod lists;
pub(crate) mod route;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use crate::check::Check;
use crate::elements::address::Address;
use crate::elements::element::Setting;
use crate::elements::one_or_many::OneOrMany;
use crate::elements::size::Size;
use crate::error::ConfigProblem;
use crate::file::merge::{Written, agreed};
use crate::file::raw;
use crate::front::route::Route;
use crate::resource::CheckedResource;

/// Routes that are served on some addresses, with the limits of their connections and requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// At least one.
    pub listen: Vec<Address>,
    /// Open connections, of all its listeners together.
    pub connections: NonZeroUsize,
    /// From the first byte of a request's head to its last.
    pub header_timeout: Duration,
    /// The time that a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// From the end of a request's head to the end of its body.
    pub body_timeout: Duration,
    /// In bytes.
    pub body_limit: usize,
    /// In bytes; at least 8 KiB.
    pub header_limit: usize,
    /// In the order in which they were written; may be empty, since not every command serves.
    pub routes: Vec<Route>,
}

/// The range of `header_limit`: the HTTP parser needs the lower bound, and no real head exceeds the upper one.
const HEADER_LIMITS: (usize, usize) = (8 * 1024, 16 * 1024 * 1024);

/// The default of `connections`.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The tables of all files that are about fronts.
#[derive(Debug)]
pub(crate) struct FrontTables {
    /// Each with the number of its file.
    pub(crate) servers: Vec<(usize, raw::Server)>,
    /// Those of each file, by its number.
    pub(crate) routes: Vec<Vec<Spanned<raw::Route>>>,
}

/// Checks the fronts of all files. Files with the same `listen` are one front.
pub(crate) fn check_all(
    tables: FrontTables,
    resources: &[CheckedResource],
    check: &mut Check<'_>,
) -> Vec<Front> {
    let FrontTables { mut servers, mut routes } = tables;
    let groups = groups(&mut servers, check);
    for Group { files, .. } in &groups {
        let together = files
            .iter()
            .flat_map(|file| routes[*file].iter().map(move |route| (*file, route)))
            .collect::<Vec<_>>();
        conflicts::check(&together, resources, check);
    }
    lists::check(&routes, resources, check);
    groups
        .into_iter()
        .map(|Group { listen, files, .. }| {
            let tables = servers.extract_if(.., |(file, _)| files.contains(file));
            let mut front = bounds(listen, &mut tables.collect::<Vec<_>>(), check);
            for file in files {
                check.turn_to(file);
                let routes = std::mem::take(&mut routes[file]);
                front.routes.extend(route::check_all(routes, resources, check));
            }
            front
        })
        .collect()
}

/// The files that are one front.
struct Group {
    listen: Vec<Address>,
    /// The place of `listen` in the first of them, if it is written.
    place: (usize, Option<Range<usize>>),
    files: Vec<usize>,
}

/// Puts files with the same addresses together; notes those that share some of them only.
fn groups(servers: &mut [(usize, raw::Server)], check: &mut Check<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (file, raw) in servers {
        let file = *file;
        let written = raw.listen.take();
        let span = written.as_ref().map(|listen| listen.span.clone());
        let listen = Setting::or(written, OneOrMany(vec![Address::default()])).0;
        let group = Group { listen, place: (file, span), files: vec![file] };
        match groups.iter_mut().find(|known| meet(known, &group).is_some()) {
            None => groups.push(group),
            Some(known) => {
                let same = known.listen.len() == group.listen.len()
                    && group.listen.iter().all(|address| known.listen.contains(address));
                if let Some(address) = meet(known, &group).filter(|_| !same) {
                    check.note(in_common(address, &group, known));
                }
                known.files.push(file);
            }
        }
    }
    groups
}

/// Returns the first address of `right` that cannot be listened on beside those of `left`.
fn meet<'a>(left: &Group, right: &'a Group) -> Option<&'a Address> {
    right.listen.iter().find(|address| left.listen.iter().any(|other| address.meets(other)))
}

fn in_common(address: &Address, group: &Group, known: &Group) -> ConfigProblem {
    let mut problem = ConfigProblem::new(format!("two fronts would listen on `{address}`"));
    let labels = ["one of them is here", "the other is here"];
    let written = [&group.place, &known.place].map(|(file, span)| Some((*file, span.clone()?)));
    let is_default = written.contains(&None);
    for ((file, span), label) in written.into_iter().flatten().zip(labels) {
        problem = problem.at_in(file, span, label);
    }
    problem.help(if is_default {
        "another file has no `listen`, which means \"localhost:8888\": set it there"
    } else {
        "write the same `listen` in both, so that they are one front, or no address of it"
    })
}

/// Returns the front of the files with these tables, without its routes.
fn bounds(
    listen: Vec<Address>,
    tables: &mut [(usize, raw::Server)],
    check: &mut Check<'_>,
) -> Front {
    let connections = agreed("connections", tables, |raw| raw.connections.take(), check);
    let header = agreed("header_timeout", tables, |raw| raw.header_timeout.take(), check);
    let idle = agreed("idle_timeout", tables, |raw| raw.idle_timeout.take(), check);
    let body = agreed("body_timeout", tables, |raw| raw.body_timeout.take(), check);
    let body_size = agreed("body_limit", tables, |raw| raw.body_limit.take(), check);
    let header_size = agreed("header_limit", tables, |raw| raw.header_limit.take(), check);
    let seconds = |written: Option<Written<Duration>>, default| {
        written.map_or(Duration::from_secs(default), |written| written.setting.value)
    };
    Front {
        listen,
        connections: connections
            .map_or(CONNECTIONS, |written| written.setting.value.non_zero_usize()),
        header_timeout: seconds(header, 10),
        idle_timeout: seconds(idle, 75),
        body_timeout: seconds(body, 30),
        body_limit: body_size.map_or(1024 * 1024, |written| written.setting.value.0),
        header_limit: header_limit(header_size, check),
        routes: Vec::new(),
    }
}

fn header_limit(written: Option<Written<Size>>, check: &mut Check<'_>) -> usize {
    let Some(Written { file, setting: Setting { value: Size(bytes), span } }) = written else {
        return 64 * 1024;
    };
    let (least, most) = HEADER_LIMITS;
    if !(least..=most).contains(&bytes) {
        let label = format!("expected 8KiB to 16MiB, found {bytes} bytes");
        let problem = ConfigProblem::new("`header_limit` is out of range");
        check.note(problem.at_in(file, span, label));
    }
    bytes
}
