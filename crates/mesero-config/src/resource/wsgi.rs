//! A WSGI application as a resource: which, run by what, and how much of it.

use std::num::NonZeroUsize;

use crate::check::Check;
use crate::elements::application::Application;
use crate::elements::count;
use crate::elements::element::Setting;
use crate::file::raw;
use crate::resource::capacity::Capacity;
use crate::resource::policy::{PolicySettings, never_shared};
use crate::resource::python::PythonSettings;

/// A WSGI application in worker processes.
#[derive(Clone, Debug, PartialEq)]
pub struct WsgiSettings {
    pub application: Application,
    /// Its worker processes, as for a function.
    pub python: PythonSettings,
    /// Set if a request's body is received before the request takes a worker.
    pub request_buffering: bool,
}

impl WsgiSettings {
    /// Checks the keys of a resource of which `wsgi` is the kind.
    pub(crate) fn check(
        application: Setting<Application>,
        mut raw: raw::Resource,
        policy: &PolicySettings,
        check: &mut Check<'_>,
    ) -> Self {
        never_shared("a `wsgi`", application.span, policy, check);
        raw.processes = raw.workers.take();
        let request_buffering = raw.request_buffering.as_ref().is_none_or(|on| *on.get_ref());
        Self {
            application: application.value,
            python: PythonSettings::of(raw, check),
            request_buffering,
        }
    }

    /// Returns how many calls the resource can run at once.
    pub(crate) fn capacity(raw: &raw::Resource) -> Capacity {
        let workers = count::or(raw.workers.as_ref(), NonZeroUsize::MIN);
        Capacity {
            calls: workers.saturating_mul(count::or(raw.threads.as_ref(), NonZeroUsize::MIN)),
            because: "a WSGI application runs workers × threads requests",
        }
    }
}
