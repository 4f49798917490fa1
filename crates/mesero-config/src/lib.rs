//! Configurations: TOML files, or a few flags, read and checked.
//!
//! Two steps: `file` and `elements` read what was typed; `resource`, `front` and `server` check its meaning: every
//! default is filled in, every path is absolute, and contradictions are rejected.

#![forbid(unsafe_code)]

mod check;
mod config;
mod elements;
mod error;
mod file;
mod flags;
mod front;
mod reference;
mod resource;
mod schema;
mod server;
pub mod template;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use elements::address::Address;
pub use elements::argument::{ArgumentKind, ArgumentSource};
pub use elements::cache::CacheSettings;
pub use elements::delay::Delay;
pub use elements::http2::Http2;
pub use elements::limit::LimitSettings;
pub use elements::negative::{CachedFailure, Negative};
pub use elements::python_target::PythonTarget;
pub use elements::reply_form::ReplyForm;
pub use elements::request_part::{ForecastBy, KeySource, RequestPart};
pub use elements::secret::Secret;
pub use elements::upstream::Upstream;
pub use error::ConfigError;
pub use flags::FlagsInput;
pub use flags::policy::PolicyFlags;
pub use flags::target::{CommandLineTarget, WorkerFlags};
pub use front::Front;
pub use front::route::argument::RouteArgument;
pub use front::route::passthrough::Passthrough;
pub use front::route::{Action, Route};
pub use reference::REFERENCE;
pub use resource::command::program::Program;
pub use resource::command::{CommandSettings, Delivery};
pub use resource::http::{AbandonedSettings, Behalf, HttpSettings, TlsSettings};
pub use resource::policy::PolicySettings;
pub use resource::policy::shares::{CallSources, PerKey};
pub use resource::python::PythonSettings;
pub use resource::recycling::Recycling;
pub use resource::stub::StubSettings;
pub use resource::wsgi::WsgiSettings;
pub use resource::{ResourceKind, ResourceSettings};
pub use server::Server;
