//! A setting that the process or a front has once, though several files may write it.

use crate::check::Check;
use crate::elements::element::Setting;
use crate::error::ConfigProblem;
use crate::file::raw;

/// A setting, with the number of the file that it is written in.
#[derive(Debug)]
pub(crate) struct Written<T> {
    pub(crate) file: usize,
    pub(crate) setting: Setting<T>,
}

/// Returns what the files write for `key`, which `take` takes out of their tables; as [`agreement`] does.
pub(crate) fn agreed<T: PartialEq>(
    key: &str,
    files: &mut [(usize, raw::Server)],
    take: impl Fn(&mut raw::Server) -> Option<Setting<T>>,
    check: &mut Check<'_>,
) -> Option<Written<T>> {
    agreement(key, files.iter_mut().map(|(file, raw)| (*file, take(raw))), check)
}

/// Returns what is written for `key`, which is the same wherever it is written; each that differs is noted.
pub(crate) fn agreement<T: PartialEq>(
    key: &str,
    files: impl IntoIterator<Item = (usize, Option<Setting<T>>)>,
    check: &mut Check<'_>,
) -> Option<Written<T>> {
    let written = files.into_iter().filter_map(|(file, setting)| Some((file, setting?)));
    let mut first: Option<Written<T>> = None;
    for (file, setting) in written {
        match &first {
            None => first = Some(Written { file, setting }),
            Some(first) if first.setting.value == setting.value => {}
            Some(first) => {
                let problem = ConfigProblem::new(format!("two values for `{key}`"))
                    .at_in(file, setting.span, "this differs from the other")
                    .at_in(first.file, first.setting.span.clone(), "this is the other")
                    .help("write it in one of the files, or the same in both");
                check.note(problem);
            }
        }
    }
    first
}
