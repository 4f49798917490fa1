//! Opens the listening sockets of an address.

use std::{
    error::Error,
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Two families need the same free port, which may be taken in the second; a few attempts always suffice.
const SAME_PORT_TRIES: usize = 16;

/// An address that cannot be listened on. Continues "failed to".
#[derive(Debug)]
pub enum BindError {
    /// The address is malformed, or its name is unknown.
    Unknown {
        address: String,
        source: io::Error,
    },
    Taken {
        address: SocketAddr,
    },
    Refused {
        address: SocketAddr,
        source: io::Error,
    },
}

/// Listens on `host:port`.
///
/// `localhost` is both `127.0.0.1` and `::1`, where the machine has both, on the same port even for port 0. Of a name
/// with several addresses, all are listened on. Dropping the future closes sockets that are already open.
pub async fn bind(address: &str) -> Result<Vec<TcpListener>, BindError> {
    let addresses = resolve(address)
        .await
        .map_err(|source| BindError::Unknown { address: address.to_owned(), source })?;
    let any_port = addresses.len() > 1 && addresses.iter().all(|address| address.port() == 0);
    let mut tries = if any_port { SAME_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match bind_all(&addresses).await {
            Err(BindError::Taken { .. }) if tries > 0 => {}
            bound => return bound,
        }
    }
}

async fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    if let Some(port) = address.strip_prefix("localhost:") {
        let port: u16 =
            port.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let mut addresses: Vec<SocketAddr> = lookup_host(address).await?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

async fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let mut address = address;
        if let (0, Some(first)) = (address.port(), listeners.first()) {
            let port = first.local_addr().map(|address| address.port());
            address.set_port(port.map_err(|source| BindError::Refused { address, source })?);
        }
        match listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(BindError::Taken { address });
            }
            Err(error) if !listeners.is_empty() && lacks_family(address, &error) => {
                tracing::debug!(%address, %error, "this machine has no IPv6");
            }
            Err(source) => return Err(BindError::Refused { address, source }),
        }
    }
    Ok(listeners)
}

/// Connections that may wait to be accepted, within the kernel's own bound. A thousand simultaneous
/// clients are an ordinary burst, and a client that finds the backlog full waits a second until its
/// kernel tries again.
const BACKLOG: u32 = 4_096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart does not wait for the connections of the previous process.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// True if the machine was built or configured without IPv6.
fn lacks_family(address: SocketAddr, error: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    address.is_ipv6()
        && (error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error() == Some(unsupported))
}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { address, source } => write!(
                formatter,
                "listen on `{address}`: {source}; expected host:port, such as localhost:8888 or 0.0.0.0:80"
            ),
            Self::Taken { address } => write!(
                formatter,
                "listen on {address}: the port is taken by another program; stop it, or choose another port"
            ),
            Self::Refused { address, source } => match source.kind() {
                io::ErrorKind::PermissionDenied => write!(
                    formatter,
                    "listen on {address}: not permitted; choose a port from 1024 on"
                ),
                io::ErrorKind::AddrNotAvailable => write!(
                    formatter,
                    "listen on {address}: this machine has no such address; 0.0.0.0 means all that it has"
                ),
                _ => write!(formatter, "listen on {address}: {source}"),
            },
        }
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unknown { source, .. } | Self::Refused { source, .. } => Some(source),
            Self::Taken { .. } => None,
        }
    }
}
