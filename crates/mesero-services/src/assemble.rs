//! Services from a configuration: the only place that knows every kind of resource.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use mesero::{
    AdaptiveLimit, Cache, Dispatcher, DispatcherBuilder, Error, Event, FailureKind, Observer,
};
use mesero_config::{CachedFailure, Config, LimitSettings, ResourceKind};
use mesero_http::tls::TlsError;
use mesero_process::spawner::Spawner;
use mesero_resources::command::{self, Command, Input};
use mesero_resources::http::HttpUpstream;
use mesero_resources::python::{PythonResource, StartError};
use mesero_resources::stub::Stub;
use mesero_resources::{Reply, Resource, StatusOverride};
use mesero_terminal::telemetry;
use mesero_terminal::units::plural;

use crate::dispatcher_metrics::DispatcherMetrics;
use crate::service::Service;

/// Starts every resource of the configuration in turn, and puts its policies in front of it.
///
/// Dropping the future does not stop the resources that were started: their processes run until the runtime ends.
///
/// # Errors
/// The first failure to start; the resources that were started before have stopped on return.
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

/// Stops every resource in turn, and waits until each has stopped. Dropping the future leaves the later ones running.
pub async fn stop(services: &[Service]) {
    for service in services {
        service.resource.stop().await;
    }
}

/// Starts one resource, and puts its policies in front of it; `observer` receives the events of its dispatcher.
///
/// Dropping the future kills the processes that were started.
///
/// # Errors
/// If the resource cannot be started, or its limit exceeds its seats.
pub async fn service(
    config: &mesero_config::ResourceSettings,
    spawner: &Spawner,
    observer: Option<Box<dyn Observer>>,
) -> Result<Service, AssembleError> {
    let resource = start(config, spawner).await?;
    let seats = resource.seats();
    let limit = config.policy.limit.unwrap_or(LimitSettings::Fixed(seats));
    if let LimitSettings::Fixed(limit) | LimitSettings::Auto { min: limit, .. } = limit
        && limit > seats
    {
        resource.stop().await;
        let name = config.name.clone();
        return Err(AssembleError::LimitAboveSeats { name, limit, seats });
    }
    let metrics = DispatcherMetrics::default();
    let mut builder = dispatcher(config, limit, seats).observer(metrics.clone());
    if let Some(observer) = observer {
        builder = builder.observer(move |event: &Event| observer.observe(event));
    }
    let dispatcher = builder
        .build()
        .map_err(|error| AssembleError::Policy { name: config.name.clone(), error })?;
    resource.supervise(dispatcher.seats());
    let ttl = config.policy.cache.as_ref().map(|cache| cache.ttl);
    Ok(Service {
        dispatcher,
        resource,
        shares: shares(&config.policy),
        ttl,
        policy: Arc::new(config.policy.clone()),
        metrics,
    })
}

async fn start(
    config: &mesero_config::ResourceSettings,
    spawner: &Spawner,
) -> Result<Arc<dyn Resource>, AssembleError> {
    let failed = |error| AssembleError::Start { name: config.name.clone(), error };
    match &config.kind {
        ResourceKind::Python { target, python } => {
            let (name, settings) = (&config.name, python.clone());
            let function = PythonResource::function(name, target, settings, spawner.clone()).await;
            Ok(Arc::new(function.map_err(failed)?))
        }
        ResourceKind::Http(settings) => {
            let started = HttpUpstream::new(settings.clone());
            let started =
                started.map_err(|error| AssembleError::Tls { name: config.name.clone(), error })?;
            Ok(Arc::new(started))
        }
        ResourceKind::Command(settings) => {
            // Shared replies depend on the arguments alone.
            let input = if shares(&config.policy) { Input::Nothing } else { Input::Body };
            let settings = settings.clone();
            let started = Command::start(&config.name, settings, input, spawner.clone());
            let started = started
                .map_err(|error| AssembleError::Command { name: config.name.clone(), error })?;
            Ok(Arc::new(started))
        }
        ResourceKind::Stub(settings) => Ok(Arc::new(Stub::new(settings.clone()))),
        ResourceKind::Wsgi(settings) => {
            let (name, settings) = (&config.name, settings.clone());
            let application = PythonResource::wsgi(name, settings, spawner.clone()).await;
            Ok(Arc::new(application.map_err(failed)?))
        }
    }
}

/// Returns whether calls can share a reply.
fn shares(policy: &mesero_config::PolicySettings) -> bool {
    policy.coalesce || policy.cache.is_some()
}

fn dispatcher(
    config: &mesero_config::ResourceSettings,
    limit: LimitSettings,
    seats: NonZeroUsize,
) -> DispatcherBuilder<Reply> {
    let settings = &config.policy;
    let mut policy = mesero::Policy::default();
    match limit {
        LimitSettings::Fixed(limit) => policy.limit = limit,
        LimitSettings::Auto { min, max } => {
            let max = max.map_or(seats, |max| max.min(seats));
            policy.adaptive_limit = AdaptiveLimit::between(min.get(), max.get());
        }
    }
    policy.seats = Some(seats);
    policy.queue = settings.queue.map_or(0, NonZeroUsize::get);
    policy.order = settings.order;
    policy.queue_timeout = settings.queue_timeout;
    policy.head_start = settings.head_start;
    policy.per_tenant = per_tenant(&settings.per_key);
    policy.timeout = settings.timeout;
    policy.deadline = settings.deadline;
    policy.rate = settings.rate;
    policy.retry = (settings.retry.max_attempts > NonZeroU32::MIN).then_some(settings.retry);
    policy.on_disconnect = settings.on_disconnect;
    let mut builder = Dispatcher::<Reply>::builder(config.name.as_str()).policy(policy);
    if settings.coalesce {
        builder = builder.coalesce();
    }
    if let Some(cache) = &settings.cache {
        builder = builder.cache(reply_cache(cache));
    }
    builder
}

fn per_tenant(settings: &mesero_config::PerKey) -> mesero::PerTenant {
    let mut each = mesero::PerTenant::default();
    each.limit = settings.limit;
    each.queue = settings.queue.map(NonZeroUsize::get);
    each.rate = settings.rate;
    let weights = settings.weights.iter();
    each.weights = weights.map(|(key, weight)| (key.as_str().into(), *weight)).collect();
    each
}

fn reply_cache(config: &mesero_config::CacheSettings) -> Cache<Reply> {
    let bytes = u64::try_from(config.bytes).unwrap_or(u64::MAX);
    let mut cache = Cache::new(config.ttl, bytes, Reply::body_len);
    if let Some(window) = config.stale_while_revalidate {
        cache = cache.stale_while_revalidate(window);
    }
    if let Some(window) = config.stale_if_error {
        cache = cache.stale_if_error(window);
    }
    if let Some(mesero_config::Negative { ttl, failures }) = config.negative.clone() {
        cache =
            cache.negative(ttl, move |error| failures.iter().any(|kind| is_of_kind(error, *kind)));
    }
    cache
}

/// Returns whether `error` is a failure of this kind.
fn is_of_kind(error: &Error, kind: CachedFailure) -> bool {
    match error {
        Error::TimedOut { .. } => kind == CachedFailure::TimedOut,
        Error::Failed(failure) => match failure.kind() {
            FailureKind::Unreachable => kind == CachedFailure::Unreachable,
            FailureKind::Overloaded => kind == CachedFailure::Overloaded,
            FailureKind::Lost => kind == CachedFailure::Lost,
            // A panic is an exception of mesero itself.
            _ => kind == CachedFailure::Raised,
        },
        _ => false,
    }
}

/// A resource that could not be put into service. Its text continues "failed to".
#[derive(Debug)]
pub enum AssembleError {
    Start { name: String, error: StartError },
    Command { name: String, error: command::CommandStartError },
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
                "start resource `{name}`: its limit is {limit}, but it serves at most {} at \
                 once; lower `limit`, or raise `threads` (for a sync function), `concurrency` \
                 (for an async one) or `processes`",
                plural(seats.get() as u64, "call", "calls")
            ),
            AssembleError::Policy { name, error } => write!(f, "start resource `{name}`: {error}"),
        }
    }
}
