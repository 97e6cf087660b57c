//! Binding listeners, and accepting from them without ever spinning.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    str::FromStr,
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use thiserror::Error;

use crate::limits::{ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN, BACKLOG};

/// Where to listen: `127.0.0.1:5222`, `[::1]:5222`, or `*:5222` for every address of the machine,
/// IPv4 and IPv6.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// Every address, at this port.
    Any(u16),
    /// One address.
    One(SocketAddr),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(port) => write!(f, "*:{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}

/// The text is no endpoint.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("not an address and port such as \"127.0.0.1:5222\", \"[::1]:5222\" or \"*:5222\"")]
pub struct ParseEndpointError;

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        match text.strip_prefix("*:") {
            Some(port) => port.parse().map(Self::Any).map_err(|_| ParseEndpointError),
            None => text.parse().map(Self::One).map_err(|_| ParseEndpointError),
        }
    }
}

/// An address that cannot be listened on; the sentence says what to do.
#[derive(Debug)]
pub struct BindError {
    /// Which address.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

impl std::error::Error for BindError {}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, error } = self;
        match error.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "cannot listen on {address}: port {} is already in use; stop the program that uses it or choose another port",
                address.port()
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "cannot listen on {address}: not allowed; choose a port above 1023 or grant CAP_NET_BIND_SERVICE"
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "cannot listen on {address}: this machine has no such address; correct it or use \"*:{}\"",
                address.port()
            ),
            _ => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

/// A bound listener. Connections wait in the kernel until the transport takes them.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
}

impl Bound {
    /// The address in use; tells the port where 0 was asked for.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The same listener once more: connections wait in the kernel for as long as one of both is there.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptor.
    pub fn share(&self) -> io::Result<Self> {
        let listener = self.listener.try_clone()?;
        Ok(Self { listener })
    }

    /// Takes over a listener that was open before.
    pub(crate) fn from_listener(listener: TcpListener) -> io::Result<Self> {
        set_options(SockRef::from(&listener))?;
        Ok(Self { listener })
    }

    pub(crate) fn listener(&self) -> &TcpListener {
        &self.listener
    }

    pub(crate) fn into_listener(self) -> TcpListener {
        self.listener
    }
}

/// Binds and listens. `*` gives one listener for IPv4 and one for IPv6, the latter only where
/// the system has IPv6.
///
/// # Errors
///
/// [`BindError`] for the first address that fails; nothing stays bound then.
pub fn bind(endpoint: Endpoint) -> Result<Vec<Bound>, BindError> {
    match endpoint {
        Endpoint::One(address) => Ok(vec![bind_one(address)?]),
        Endpoint::Any(port) => {
            let mut bound = vec![bind_one((Ipv4Addr::UNSPECIFIED, port).into())?];
            bound.extend(bind_any_v6(port)?);
            Ok(bound)
        }
    }
}

/// Every IPv6 address, where the system has IPv6.
pub(crate) fn bind_any_v6(port: u16) -> Result<Option<Bound>, BindError> {
    match bind_one((Ipv6Addr::UNSPECIFIED, port).into()) {
        Ok(bound) => Ok(Some(bound)),
        Err(BindError { error, .. }) if is_without_ipv6(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_without_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn set_options(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit these two, which saves two calls for each.
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)
}

fn bind_one(address: SocketAddr) -> Result<Bound, BindError> {
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        set_options(SockRef::from(&socket))?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open()
        .map(|listener| Bound { listener })
        .map_err(|error| BindError { address, error })
}

/// Accepts for as long as it is polled and hands each socket to `take`.
///
/// Failures that concern one connection are passed over. When descriptors or memory are short
/// the loop pauses, longer each time, and says so once per shortage; the kernel keeps what waits.
pub(crate) async fn accept(
    listener: TcpListener,
    take: impl Fn(TcpStream, SocketAddr),
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        // A socket leaves this runtime's event queue again: it belongs to a worker's.
        let accepted = listener.accept().await;
        match accepted.and_then(|(socket, address)| Ok((socket.into_std()?, address))) {
            Ok((socket, address)) => {
                pause = ACCEPT_PAUSE_MIN;
                take(
                    socket,
                    SocketAddr::new(address.ip().to_canonical(), address.port()),
                );
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => pause = after_failure(&error, pause).await,
        }
    }
}

/// See accept(2): errors of the new socket are reported by the call.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut
    )
}

async fn after_failure(error: &io::Error, pause: Duration) -> Duration {
    if pause == ACCEPT_PAUSE_MIN {
        tracing::error!(%error, "cannot accept connections; raise the limit of open files (ulimit -n)");
    }
    tokio::time::sleep(pause).await;
    (pause * 2).min(ACCEPT_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_shown_alike() {
        for text in ["127.0.0.1:5222", "[::1]:5223", "*:5222", "0.0.0.0:0"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "5222",
            "localhost:5222",
            "*:99999",
            "127.0.0.1",
            "::1:5222:x",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(ParseEndpointError), "{text}");
        }
    }

    #[test]
    fn a_port_in_use_is_named_with_what_to_do() {
        let held = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = held[0].local_addr().unwrap();
        let error = bind(Endpoint::One(address)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "cannot listen on {address}: port {} is already in use; stop the program that uses it or choose another port",
                address.port()
            )
        );
    }
}
