//! Resources: Python workers, HTTP upstreams, commands and stubs behind one trait.

#![forbid(unsafe_code)]

pub mod blocked;
pub mod command;
pub mod http;
pub mod python;
mod reply;
mod request;
mod resource;
mod status_override;
pub mod stub;

pub use reply::Reply;
pub use request::{BodyMode, Request, RequestContext};
pub use resource::{Health, Resource, Serving};
pub(crate) use resource::{Looking, Reloading};
pub use status_override::StatusOverride;
