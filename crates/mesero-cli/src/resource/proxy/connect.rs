//! From a name to a connection.

use std::time::Duration;

use mesero::Failure;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::Settings;
use super::link::Link;

/// Connects to the upstream: to each of its addresses in turn, until one answers.
///
/// # Errors
/// If none could be reached within the connect timeout; the upstream has heard of nothing then.
pub(super) async fn link(settings: &Settings) -> Result<Link, Failure> {
    let Settings { host, port, authority, connect_timeout, .. } = settings;
    let until = Instant::now() + *connect_timeout;
    let unreachable = |why: &dyn std::fmt::Display| {
        Failure::unreachable(format!("connect to {authority}: {why}"))
    };
    let too_late = || unreachable(&format_args!("nothing came within {connect_timeout:?}"));

    let found = timeout(*connect_timeout, lookup_host((host.as_str(), *port))).await;
    let found = found.map_err(|_| too_late())?;
    let addresses: Vec<_> = found.map_err(|error| unreachable(&error))?.collect();
    let mut failure = unreachable(&"the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        match timeout(share(until, addresses.len() - index), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
                return Link::over(stream).await.map_err(|error| unreachable(&error));
            }
            Ok(Err(error)) => failure = unreachable(&error),
            Err(_) => failure = too_late(),
        }
    }
    Err(failure)
}

/// An address that swallows packets leaves time for those after it.
fn share(until: Instant, addresses_left: usize) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    left / u32::try_from(addresses_left).unwrap_or(u32::MAX)
}
