//! `mesero serve`: HTTP requests in, HTTP responses out.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mesero_config::Config;
use mesero_process::spawner::Spawner;
use mesero_services::assemble::{self, AssembleError};
use mesero_services::service::Service;
use mesero_terminal::command_error::CommandError;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;
use mesero_terminal::units::plural;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod arguments;
mod prospects;
mod rate_limit;
mod reload;
mod request_handler;
mod respond;
mod router;

use mesero_http::server::connection::Peer;
use mesero_http::server::limits::Limits;
use mesero_http::server::listen;
use reload::ReloadSignals;
use request_handler::RequestHandler;
use router::Router;

/// Serves until a signal, and then until the jobs in flight have finished.
///
/// # Errors
/// If it cannot begin to serve: an address is taken, or a resource does not start.
///
/// Dropping the future closes the listeners and stops the workers; calls in flight are lost.
pub async fn run(config: Config, output: &mut Output) -> Result<Exit, ServeError> {
    let mut signals = Signals::listen().map_err(ServeError::Io)?;
    let reload_signals = ReloadSignals::listen().map_err(ServeError::Io)?;
    let fronts = open(&config).await?;
    let control_listeners = match &config.server.control {
        Some(control) => bind(std::slice::from_ref(&control.address)).await?,
        None => Vec::new(),
    };

    let spawner = Spawner::start().map_err(ServeError::Io)?;
    let starting = assemble::services(&config, &spawner);
    let services = tokio::select! {
        services = starting => services.map_err(ServeError::Assemble)?,
        signal = signals.next() => return Ok(signal.exit()),
    };

    let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
    let announcement = announcement(&fronts, &control_listeners);
    let token = config.server.control.as_ref().and_then(|control| control.token.clone());
    let control = mesero_control::router(services.clone(), draining.clone(), token);
    let control_listeners = control_listeners.into_iter().map(TcpListener::into_std);
    let control_listeners = control_listeners.collect::<Result<_, _>>().map_err(ServeError::Io)?;
    let control =
        mesero_control::start(control_listeners, control, stop.clone()).map_err(ServeError::Io)?;
    let tasks = TaskTracker::new();
    let mut serving = Vec::with_capacity(fronts.len());
    for BoundFront { settings, router, listeners } in fronts {
        let front = Arc::new(RequestHandler {
            router,
            services: services.clone(),
            body_limit: settings.body_limit,
            body_timeout: settings.body_timeout,
        });
        let handler = move |request, peer: Peer| Arc::clone(&front).answer(request, peer.address);
        let limits = limits(settings, config.server.drain_timeout);
        serving.push(tasks.spawn(listen::serve(listeners, limits, handler, stop.clone())));
    }
    let reloading = tasks.spawn(reload_signals.reload(services.clone(), draining.clone()));
    announcement.iter().for_each(|line| output.say(line));

    let signal = signals.next().await;
    draining.cancel();
    let in_flight = plural(drain(&services), "job", "jobs");
    output.say(&format!(
        "{signal}: finishing {in_flight}, accepting no new calls; a second signal stops at once"
    ));
    let finished = tokio::select! {
        finished = timeout(config.server.drain_timeout, finish(&services)) => finished.is_ok(),
        // The workers end with this process.
        signal = signals.next() => return Ok(signal.exit()),
    };
    // It ended when the drain began; a worker started later would not be stopped.
    let _ = reloading.await;
    for service in &services {
        service.dispatcher.stop();
    }
    stop.cancel();
    let mut cut_off = 0;
    for front in serving {
        cut_off += front.await.map_or(0, |stopped| stopped.cut_off);
    }
    assemble::stop(&services).await;
    control.stopped().await;
    if finished && cut_off == 0 {
        return Ok(Exit::Fine);
    }
    let after = config.server.drain_timeout;
    output.say(&format!(
        "some requests had not finished after the drain timeout of {after:?}, and were cut off"
    ));
    Ok(Exit::SomeFailed)
}

/// A front that listens, and does not accept connections yet.
struct BoundFront<'a> {
    settings: &'a mesero_config::Front,
    router: Router,
    listeners: Vec<TcpListener>,
}

/// Opens every front that has routes. Files with resources alone have neither routes nor an address.
async fn open(config: &Config) -> Result<Vec<BoundFront<'_>>, ServeError> {
    let mut fronts = Vec::with_capacity(config.fronts.len());
    for settings in &config.fronts {
        if !settings.routes.is_empty() {
            let router = Router::new(settings.routes.clone()).map_err(ServeError::Routes)?;
            fronts.push(BoundFront { settings, router, listeners: bind(&settings.listen).await? });
        } else if settings.listen != [mesero_config::Address::default()] {
            let listen = settings.listen.iter().map(mesero_config::Address::to_string);
            return Err(ServeError::Silent(listen.collect::<Vec<_>>().join(", ")));
        }
    }
    if fronts.is_empty() { Err(ServeError::NoRoutes) } else { Ok(fronts) }
}

async fn bind(addresses: &[mesero_config::Address]) -> Result<Vec<TcpListener>, ServeError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let bound = listen::bind(&address.to_string()).await;
        listeners.extend(bound.map_err(ServeError::Bind)?);
    }
    Ok(listeners)
}

fn addresses(listeners: &[TcpListener]) -> String {
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    addresses.map(|address| format!("http://{address}")).collect::<Vec<_>>().join(", ")
}

fn limits(front: &mesero_config::Front, drain_timeout: Duration) -> Limits {
    let mesero_config::Front { connections, header_timeout, idle_timeout, header_limit, .. } =
        *front;
    Limits {
        connections,
        head_timeout: header_timeout,
        idle_timeout,
        head_bytes: header_limit,
        drain_timeout,
    }
}

/// A line with the address of each front, and one for the control listener.
fn announcement(fronts: &[BoundFront<'_>], control: &[TcpListener]) -> Vec<String> {
    let fronts = fronts.iter().map(|front| ("listening", front.listeners.as_slice()));
    let control = (!control.is_empty()).then_some(("control", control));
    let lines = fronts.chain(control);
    lines.map(|(what, listeners)| format!("{what} on {}", addresses(listeners))).collect()
}

/// Makes all dispatchers refuse new calls, and returns the number of jobs in flight.
fn drain(services: &[Service]) -> u64 {
    services.iter().for_each(|service| service.dispatcher.drain());
    services.iter().map(|service| service.dispatcher.stats().jobs.in_flight).sum()
}

async fn finish(services: &[Service]) {
    for service in services {
        service.dispatcher.jobs_finished().await;
    }
}

/// An error that prevents serving. Continues "failed to".
#[derive(Debug)]
pub enum ServeError {
    NoRoutes,
    Silent(String),
    Bind(listen::BindError),
    Routes(String),
    Assemble(AssembleError),
    Io(std::io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::NoRoutes => {
                f.write_str("serve anything: the configuration has no [[route]]")
            }
            ServeError::Silent(address) => {
                write!(
                    f,
                    "serve anything on {address}: the file with that `listen` has no [[route]]"
                )
            }
            ServeError::Bind(error) => error.fmt(f),
            ServeError::Routes(error) => write!(f, "lay out the routes: {error}"),
            ServeError::Assemble(error) => error.fmt(f),
            ServeError::Io(error) => write!(f, "begin to serve: {error}"),
        }
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        CommandError::failed_to(error)
    }
}
