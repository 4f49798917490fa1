//! From a name to a connection.

use std::fmt::Display;
use std::time::Duration;

use mesero::Failure;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::Settings;
use super::link::Link;
use super::socket::Socket;
use super::tls::Tls;

/// Connects to the upstream within its connect timeout.
///
/// # Errors
/// If it could not be reached, or is not who it should be; it has heard of no request then.
pub(super) async fn link(settings: &Settings, tls: Option<&Tls>) -> Result<Link, Failure> {
    let until = Instant::now() + settings.connect_timeout;
    let stream = stream(settings, until).await?;
    let socket = match tls {
        None => Socket::Clear(stream),
        Some(tls) => match timeout_at(until, tls.over(stream)).await {
            Ok(Ok(stream)) => Socket::Tls(Box::new(stream)),
            Ok(Err(refused)) => return Err(refused.into_failure(&settings.authority)),
            Err(_) => return Err(too_late(settings)),
        },
    };
    Link::over(socket).await.map_err(|error| unreachable(settings, &error))
}

/// Asks each of the upstream's addresses in turn, until one answers.
async fn stream(settings: &Settings, until: Instant) -> Result<TcpStream, Failure> {
    let found = timeout_at(until, lookup_host((settings.host.as_str(), settings.port))).await;
    let found = found.map_err(|_| too_late(settings))?;
    let addresses: Vec<_> = found.map_err(|error| unreachable(settings, &error))?.collect();
    let mut failure = unreachable(settings, &"the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        match timeout(share(until, addresses.len() - index), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| unreachable(settings, &error))?;
                return Ok(stream);
            }
            Ok(Err(error)) => failure = unreachable(settings, &error),
            Err(_) => failure = too_late(settings),
        }
    }
    Err(failure)
}

/// An address that swallows packets leaves time for those after it.
fn share(until: Instant, addresses_left: usize) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    left / u32::try_from(addresses_left).unwrap_or(u32::MAX)
}

fn unreachable(settings: &Settings, why: &dyn Display) -> Failure {
    Failure::unreachable(format!("connect to {}: {why}", settings.authority))
}

fn too_late(settings: &Settings) -> Failure {
    unreachable(settings, &format_args!("nothing came within {:?}", settings.connect_timeout))
}
