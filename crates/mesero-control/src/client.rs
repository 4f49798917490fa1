//! `mesero jobs`: lists, shows and cancels the jobs of a running mesero, and changes a limit.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use mesero_terminal::command_error::CommandError;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::units::{parse_positive, plural};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::jobs::{AutoLimit, JobList, JobRecord};
use crate::resources::LimitChange;

mod connection;
mod table;

use connection::{ClientError, ControlClient};

/// The arguments of `mesero jobs`.
#[derive(Debug, Args)]
pub struct JobsArgs {
    #[command(subcommand)]
    action: Option<JobsAction>,
    /// Address of the running mesero's control listener
    #[arg(
        long,
        env = "MESERO_CONTROL",
        value_name = "URL",
        default_value = "http://127.0.0.1:9888",
        global = true
    )]
    control: String,
    /// File with the control listener's token, if it has one
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum JobsAction {
    /// List the jobs in flight (the default)
    List {
        /// Only jobs of this resource
        #[arg(long)]
        resource: Option<String>,
    },
    /// Show one job, with its Python stack
    Show {
        /// Id of the job, as in the list: square-17
        id: String,
    },
    /// Cancel a job: its callers get an error, and its slot is free when it has stopped
    Cancel {
        /// Id of the job, as in the list: square-17
        id: String,
    },
    /// Change the concurrency limit of a resource, until mesero is restarted
    #[command(allow_missing_positional = true)]
    Limit {
        /// The resource; optional where there is only one
        resource: Option<String>,
        /// The new limit
        #[arg(value_parser = parse_positive::<NonZeroUsize>)]
        limit: NonZeroUsize,
    },
}

/// Sends the request to the control plane, and prints its answer. Dropping the future closes the connection; a request
/// that was sent may still take effect.
pub async fn run(args: JobsArgs, output: &mut Output) -> Result<Exit, JobsError> {
    let client = ControlClient::new(&args.control, args.token_file.as_deref())?;
    let action = args.action.unwrap_or(JobsAction::List { resource: None });
    let answer = ask(&client, &action).await?;
    if args.json {
        let text = String::from_utf8_lossy(&answer);
        output.line(text.trim_end())?;
        return Ok(Exit::Fine);
    }
    match &action {
        JobsAction::List { .. } => {
            let JobList { jobs, assumed_stopped, auto_limits } = read(&client, &answer)?;
            for (resource, AutoLimit { limit, min, max }) in auto_limits {
                output.say(&format!("{resource}: limit {limit} (auto, from {min} to {max})"));
            }
            if jobs.is_empty() {
                output.say("nothing is in flight");
            } else {
                output.line(&table::list(&jobs))?;
            }
            for (resource, assumed) in assumed_stopped {
                let attempts = plural(assumed, "attempt was", "attempts were");
                output.say(&format!(
                    "{resource}: {attempts} assumed to have stopped since the start, and may still run there"
                ));
            }
        }
        JobsAction::Show { .. } => output.line(&table::one(&read(&client, &answer)?))?,
        JobsAction::Cancel { .. } => {
            let job: JobRecord = read(&client, &answer)?;
            output.line(&format!("{} was {}; stop requested", job.id, job.phase))?;
        }
        JobsAction::Limit { .. } => {
            let LimitChange { resource, limit, before } = read(&client, &answer)?;
            output.line(&format!("{resource}: limit changed from {before} to {limit}"))?;
        }
    }
    Ok(Exit::Fine)
}

async fn ask(client: &ControlClient, action: &JobsAction) -> Result<bytes::Bytes, JobsError> {
    let (method, path, body) = match action {
        JobsAction::List { resource: None } => (Method::GET, "/jobs".to_owned(), None),
        JobsAction::List { resource: Some(name) } => {
            (Method::GET, format!("/jobs?resource={}", segment(name)?), None)
        }
        JobsAction::Show { id } => (Method::GET, format!("/jobs/{}", segment(id)?), None),
        JobsAction::Cancel { id } => (Method::DELETE, format!("/jobs/{}", segment(id)?), None),
        JobsAction::Limit { resource, limit } => {
            let only = match resource {
                Some(_) => None,
                None => Some(only_resource(client).await?),
            };
            let resource = resource.as_ref().or(only.as_ref()).map_or("", String::as_str);
            let path = format!("/resources/{}/limit", segment(resource)?);
            (Method::PUT, path, Some(json!({ "limit": limit }).to_string()))
        }
    };
    Ok(client.ask(method, &path, body.unwrap_or_default()).await?)
}

/// The name of the only resource.
async fn only_resource(client: &ControlClient) -> Result<String, JobsError> {
    let answer = client.ask(Method::GET, "/resources", String::new()).await?;
    let ResourceList { resources } = read(client, &answer)?;
    let names: Vec<_> = resources.into_iter().map(|resource| resource.name).collect();
    match &names[..] {
        [name] => Ok(name.clone()),
        _ => Err(JobsError::Failed(format!(
            "name the resource whose limit to change, one of {}",
            names.join(", ")
        ))),
    }
}

/// The answer to `GET /resources`, as far as it is read.
#[derive(Debug, Deserialize)]
struct ResourceList {
    resources: Vec<ResourceName>,
}

#[derive(Debug, Deserialize)]
struct ResourceName {
    name: String,
}

/// Checks the name of a resource or job for a path: valid names need no escapes.
fn segment(name: &str) -> Result<&str, JobsError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(plain) {
        Ok(name)
    } else {
        Err(JobsError::NotFound(format!(
            "{name:?} is not a valid name: names have letters, digits, - and _"
        )))
    }
}

fn read<T: DeserializeOwned>(client: &ControlClient, answer: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(answer).map_err(|error| client.not_understood(&error.to_string()))
}

/// An error of `mesero jobs`.
#[derive(Debug)]
pub enum JobsError {
    /// The control plane has no such job or resource, or the job has finished.
    NotFound(String),
    /// The control plane could not be reached, did not answer, or rejected the request.
    Failed(String),
}

impl JobsError {
    fn exit(&self) -> Exit {
        match self {
            JobsError::NotFound(_) => Exit::SomeFailed,
            JobsError::Failed(_) => Exit::Unusable,
        }
    }
}

impl fmt::Display for JobsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobsError::NotFound(text) | JobsError::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for JobsError {}

impl From<JobsError> for CommandError {
    fn from(error: JobsError) -> Self {
        CommandError::new(format!("mesero: {error}")).with_exit(error.exit())
    }
}

impl From<ClientError> for JobsError {
    fn from(error: ClientError) -> Self {
        if error.is_not_found() {
            JobsError::NotFound(error.to_string())
        } else {
            JobsError::Failed(error.to_string())
        }
    }
}

impl From<io::Error> for JobsError {
    fn from(error: io::Error) -> Self {
        JobsError::Failed(format!("cannot write to stdout: {error}"))
    }
}

#[cfg(test)]
mod tests;
