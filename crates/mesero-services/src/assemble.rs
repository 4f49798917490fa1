//! From a configuration to running services: the only place that knows every kind of resource.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use mesero::{
    Cache, Dispatcher, DispatcherBuilder, Error, Event, FailureKind, Observer, OnDisconnect, Rate,
    Retry,
};
use mesero_config::{Config, Kind};
use mesero_http::tls::{TlsError, TlsSettings, Versions};
use mesero_process::spawner::Spawner;
use mesero_resources::command::{self, Answers, Delivery, Inherits, Input};
use mesero_resources::http::{self, HttpUpstream};
use mesero_resources::python::{Bounds, PythonResource, Serves, Settings, StartError};
use mesero_resources::stub::{self, Busy, Delay, Failing};
use mesero_resources::{BodyMode, Reply, Resource, StatusOverride};
use mesero_terminal::telemetry;
use mesero_terminal::units::plural;

use crate::service::Service;
use crate::tally::Tally;

/// Starts every resource of the configuration, and puts its policies in front of it.
///
/// # Errors
/// Why the first that could not be started could not; those that were started are stopped.
pub async fn services(config: &Config, spawner: &Spawner) -> Result<Vec<Service>, AssembleError> {
    let mut services: Vec<Service> = Vec::with_capacity(config.resources.len());
    for resource in &config.resources {
        let log = telemetry::Log::new(resource.name.as_str());
        let log = log.callers_fault(StatusOverride::is_callers_fault);
        match service(resource, spawner, Some(Box::new(log))).await {
            Ok(service) => services.push(service),
            Err(error) => {
                stop(&services).await;
                return Err(error);
            }
        }
    }
    Ok(services)
}

/// Stops every resource, and waits until all of them are gone.
pub async fn stop(services: &[Service]) {
    for service in services {
        service.resource.stop().await;
    }
}

/// Starts one resource, and puts its policies in front of it; `observer` hears what becomes of its jobs.
///
/// # Errors
/// Why it could not be started.
pub async fn service(
    config: &mesero_config::Resource,
    spawner: &Spawner,
    observer: Option<Box<dyn Observer>>,
) -> Result<Service, AssembleError> {
    let resource = start(config, spawner).await?;
    let seats = resource.seats();
    let limit = config.policy.limit.unwrap_or(seats);
    if limit > seats {
        resource.stop().await;
        let name = config.name.clone();
        return Err(AssembleError::LimitAboveSeats { name, limit, seats });
    }
    let tally = Tally::default();
    let mut builder = dispatcher(config, limit, seats).observer(tally.clone());
    if let Some(observer) = observer {
        builder = builder.observer(move |event: &Event| observer.observe(event));
    }
    let dispatcher = builder
        .build()
        .map_err(|error| AssembleError::Policy { name: config.name.clone(), error })?;
    resource.supervise(dispatcher.seats());
    let shares = config.policy.coalesce || config.policy.cache.is_some();
    let ttl = config.policy.cache.as_ref().map(|cache| cache.ttl);
    Ok(Service { dispatcher, resource, shares, ttl, tally })
}

async fn start(
    config: &mesero_config::Resource,
    spawner: &Spawner,
) -> Result<Arc<dyn Resource>, AssembleError> {
    let failed = |error| AssembleError::Start { name: config.name.clone(), error };
    match &config.kind {
        Kind::Python { target, python } => {
            let callable = (Serves::Function, target.to_string());
            let settings = workers(&config.name, python, callable);
            let function = PythonResource::start(settings, BodyMode::Whole, spawner.clone()).await;
            Ok(Arc::new(function.map_err(failed)?))
        }
        Kind::Proxy(settings) => {
            let started = HttpUpstream::new(http_upstream(settings, &config.policy));
            let started =
                started.map_err(|error| AssembleError::Tls { name: config.name.clone(), error })?;
            Ok(Arc::new(started))
        }
        Kind::Command(command) => {
            let settings = command_settings(config, command);
            let started = command::Command::start(settings, spawner.clone());
            let started = started
                .map_err(|error| AssembleError::Command { name: config.name.clone(), error })?;
            Ok(Arc::new(started))
        }
        Kind::Stub(stub) => Ok(Arc::new(stub::Stub::new(stub_settings(stub)))),
        Kind::Wsgi(wsgi) => {
            let callable = (Serves::Wsgi, wsgi.application.to_string());
            let settings = workers(&config.name, &wsgi.python, callable);
            let body_mode =
                if wsgi.request_buffering { BodyMode::Stored } else { BodyMode::Streamed };
            let application = PythonResource::start(settings, body_mode, spawner.clone()).await;
            Ok(Arc::new(application.map_err(failed)?))
        }
    }
}

fn command_settings(
    resource: &mesero_config::Resource,
    command: &mesero_config::Command,
) -> command::Settings {
    let mesero_config::Resource { name, policy, .. } = resource;
    let shares = policy.coalesce || policy.cache.is_some();
    let env = command.env.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
    command::Settings {
        name: name.as_str().into(),
        program: match command.program.clone() {
            mesero_config::Program::Direct { program, arguments } => {
                command::Program::Direct { program, arguments }
            }
            mesero_config::Program::Shell { script } => command::Program::Shell { script },
        },
        directory: command.directory.clone(),
        environment: env.collect(),
        inherits: if command.clear_env { Inherits::Nothing } else { Inherits::Everything },
        processes: command.processes,
        grace: command.grace,
        input: if shares { Input::Nothing } else { Input::Body },
        answers: Answers {
            content_type: command.content_type.clone(),
            statuses: command.exit_codes.clone(),
            delivery: match command.output {
                mesero_config::Output::Whole { limit } => Delivery::Whole { most: limit },
                mesero_config::Output::Streamed => Delivery::Streamed,
            },
        },
    }
}

fn stub_settings(stub: &mesero_config::Stub) -> stub::Settings {
    let beyond = stub.concurrency;
    stub::Settings {
        delay: match stub.delay {
            mesero_config::Delay::Fixed(delay) => Delay::Fixed(delay),
            mesero_config::Delay::Uniform { least, most } => Delay::Uniform { least, most },
            mesero_config::Delay::Lognormal { median, sigma } => Delay::Lognormal { median, sigma },
            mesero_config::Delay::Exponential { mean } => Delay::Exponential { mean },
        },
        status: stub.status,
        content_type: stub.content_type.clone(),
        body: stub.body.clone().into(),
        failing: Failing { rate: stub.failure_rate, status: stub.failure_status },
        busy: beyond.map(|beyond| Busy { beyond, status: stub.busy_status }),
        seed: stub.seed,
    }
}

fn workers(name: &str, python: &mesero_config::Python, callable: (Serves, String)) -> Settings {
    let (serves, callable) = callable;
    let environment = python.env.iter();
    Settings {
        name: name.into(),
        serves,
        callable,
        interpreter: python.interpreter.clone(),
        path: python.path.clone(),
        processes: python.processes,
        threads: python.threads,
        concurrency: python.concurrency,
        environment: environment
            .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
            .collect(),
        exceptions: python.exceptions.clone(),
        start_timeout: python.start_timeout,
        grace: python.grace,
        loop_blocked: python.loop_blocked,
        blocked: Arc::default(),
        bounds: Bounds {
            calls: python.recycling.max_requests,
            jitter: python.recycling.jitter,
            age: python.recycling.max_age,
            memory: python.recycling.max_memory,
        },
        interrupt: python.interrupt,
        kill_siblings: python.kill_siblings,
    }
}

fn http_upstream(config: &mesero_config::Proxy, policy: &mesero_config::Policy) -> http::Settings {
    let upstream = &config.upstream;
    http::Settings {
        host: upstream.host().to_owned(),
        port: upstream.port(),
        authority: upstream.authority().to_owned(),
        tls: config
            .tls
            .as_ref()
            .map(|tls| TlsSettings { ca: tls.ca.clone(), server_name: tls.server_name.clone() }),
        versions: match config.http2 {
            mesero_config::Http2::Off => Versions::Http1,
            mesero_config::Http2::PriorKnowledge => Versions::Http2,
            mesero_config::Http2::Auto => Versions::Negotiated,
        },
        base: upstream.base().to_owned(),
        connections: config.connections,
        connect_timeout: config.connect_timeout,
        first_byte_timeout: config.first_byte_timeout,
        stall_timeout: config.stall_timeout,
        idle_timeout: config.idle_timeout,
        preserve_host: config.preserve_host,
        request_buffering: config.request_buffering,
        behalf: match config.behalf {
            mesero_config::Behalf::Clients => http::Behalf::Client,
            mesero_config::Behalf::Own => http::Behalf::Own,
        },
        max_attempts: policy.retry.max_attempts.get(),
        roams: config.roams,
    }
}

fn dispatcher(
    config: &mesero_config::Resource,
    limit: NonZeroUsize,
    seats: NonZeroUsize,
) -> DispatcherBuilder<Reply> {
    let mesero_config::Policy { timeout, deadline, rate, retry, cache, .. } = &config.policy;
    let mut policy = mesero::Policy::default();
    policy.limit = limit;
    policy.seats = Some(seats);
    policy.queue = config.policy.queue.map_or(0, NonZeroUsize::get);
    policy.timeout = *timeout;
    policy.deadline = *deadline;
    policy.rate = rate.and_then(|rate| Some(Rate::new(rate.count, rate.period)?.burst(rate.burst)));
    policy.retry = (retry.max_attempts.get() > 1).then_some(Retry {
        max_attempts: retry.max_attempts,
        backoff: retry.backoff,
        max_backoff: retry.max_backoff,
        budget: retry.budget,
    });
    policy.on_disconnect = match config.policy.on_disconnect {
        mesero_config::OnDisconnect::Cancel => OnDisconnect::Cancel,
        mesero_config::OnDisconnect::Finish => OnDisconnect::Finish,
    };
    let mut builder = Dispatcher::<Reply>::builder(config.name.as_str()).policy(policy);
    if config.policy.coalesce {
        builder = builder.coalesce();
    }
    if let Some(cache) = cache {
        builder = builder.cache(kept(cache));
    }
    builder
}

fn kept(config: &mesero_config::Cache) -> Cache<Reply> {
    let bytes = u64::try_from(config.bytes).unwrap_or(u64::MAX);
    let mut cache = Cache::new(config.ttl, bytes, Reply::body_len);
    if let Some(window) = config.stale_while_revalidate {
        cache = cache.stale_while_revalidate(window);
    }
    if let Some(window) = config.stale_if_error {
        cache = cache.stale_if_error(window);
    }
    if let Some(mesero_config::Negative { ttl, failures }) = config.negative.clone() {
        cache = cache.negative(ttl, move |error| failures.iter().any(|kind| is(*kind, error)));
    }
    cache
}

fn is(kind: mesero_config::Failing, error: &Error) -> bool {
    use mesero_config::Failing as F;
    match error {
        Error::TimedOut { .. } => kind == F::TimedOut,
        Error::Failed(failure) => match failure.kind() {
            FailureKind::Unreachable => kind == F::Unreachable,
            FailureKind::Overloaded => kind == F::Overloaded,
            FailureKind::Lost => kind == F::Lost,
            // A panic is an exception of ours.
            _ => kind == F::Raised,
        },
        _ => false,
    }
}

/// Why a resource could not be put into service. Reads on after "failed to".
#[derive(Debug)]
pub enum AssembleError {
    Start { name: String, error: StartError },
    Command { name: String, error: command::StartError },
    Tls { name: String, error: TlsError },
    LimitAboveSeats { name: String, limit: NonZeroUsize, seats: NonZeroUsize },
    Policy { name: String, error: mesero::BuildError },
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssembleError::Start { name, error } => write!(f, "start resource `{name}`: {error}"),
            AssembleError::Command { name, error } => write!(f, "start resource `{name}`: {error}"),
            AssembleError::Tls { name, error } => write!(f, "start resource `{name}`: {error}"),
            AssembleError::LimitAboveSeats { name, limit, seats } => write!(
                f,
                "start resource `{name}`: its limit is {limit}, and it can serve only {} at \
                 once; lower `limit`, or raise `threads` (for a sync function), `concurrency` \
                 (for an async one) or `processes`",
                plural(seats.get() as u64, "call", "calls")
            ),
            AssembleError::Policy { name, error } => write!(f, "start resource `{name}`: {error}"),
        }
    }
}
