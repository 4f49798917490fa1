//! Elements: each file is a type of value, with the rules of how it is written.

pub(crate) mod address;
pub(crate) mod application;
pub(crate) mod argument;
pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod count;
pub(crate) mod delay;
pub(crate) mod duration;
pub(crate) mod element;
pub(crate) mod fraction;
pub(crate) mod http2;
pub(crate) mod list_target;
pub(crate) mod media_type;
pub(crate) mod method;
pub(crate) mod negative;
pub(crate) mod off;
mod on_disconnect;
pub(crate) mod one_or_many;
pub(crate) mod python_target;
pub(crate) mod rate;
pub(crate) mod reply_form;
pub(crate) mod route_path;
pub(crate) mod secret;
pub(crate) mod size;
pub(crate) mod status;
pub(crate) mod upstream;
pub(crate) mod word;
