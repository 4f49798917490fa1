//! What a command is configured with.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use mesero_config::template::Template;

use crate::ReplyForm;

/// What has to be known to run a command.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The resource's name; log lines carry it.
    pub name: Arc<str>,
    pub program: Program,
    pub directory: PathBuf,
    /// Set in the environment.
    pub environment: Vec<(String, String)>,
    pub inherits: Inherits,
    /// How many may run at once.
    pub processes: NonZeroUsize,
    /// From asking a group to end to killing it.
    pub grace: Duration,
    pub input: Input,
    pub answers: Answers,
}

/// What is run.
#[derive(Debug, Clone)]
pub enum Program {
    /// A program and its arguments, each of which stays one argument.
    Direct { program: PathBuf, arguments: Vec<Template> },
    /// A script for `/bin/sh`; arguments are in its environment, as `arg_NAME`.
    Shell { script: String },
}

/// What of mesero's own environment a command gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherits {
    Everything,
    Nothing,
}

/// What stands on a command's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The request's body.
    Body,
    /// Nothing: its answers are shared by their arguments, so they depend on nothing else.
    Nothing,
}

/// How a command's output and its exit code become an answer.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Instead of what the route says.
    pub content_type: Option<HeaderValue>,
    /// An exit code that is not in here is a failure.
    pub statuses: BTreeMap<i32, StatusCode>,
    pub delivery: Delivery,
}

/// When the output is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Once the command has ended, and if there is no more of it than this.
    Whole { most: usize },
    /// As it comes.
    Streamed,
}

impl Answers {
    pub(super) fn headers(&self, form: ReplyForm) -> HeaderMap {
        let by_form = || HeaderValue::from_static(form.content_type());
        let media_type = self.content_type.clone().unwrap_or_else(by_form);
        HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)])
    }
}
