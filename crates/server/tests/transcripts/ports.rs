//! Free ports on the loopback address, and waiting until somebody listens there.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Child,
    time::Duration,
};

use testkit::sockets::Addresses;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is tried.
const INTERVAL: Duration = Duration::from_millis(5);

/// Two ports that were free a moment ago.
pub(crate) fn free() -> Result<Addresses, String> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // Both are held until both are known.
    let listeners = (bind().map_err(text)?, bind().map_err(text)?);
    let address = |listener: &TcpListener| listener.local_addr().map_err(text);
    Ok(Addresses {
        plain: address(&listeners.0)?,
        tls: address(&listeners.1)?,
    })
}

/// Waits until `child` listens on both.
pub(crate) fn wait(addresses: Addresses, child: &mut Child) -> Result<(), String> {
    wait_for(child, || {
        let listens = |address: SocketAddr| TcpStream::connect(address).is_ok();
        listens(addresses.plain) && listens(addresses.tls)
    })
}

/// Waits until `child` `is_ready`.
pub(crate) fn wait_for(child: &mut Child, is_ready: impl Fn() -> bool) -> Result<(), String> {
    let mut waited = Duration::ZERO;
    while !is_ready() {
        if let Some(status) = child.try_wait().map_err(text)? {
            return Err(format!("the server ended with {status}"));
        }
        if waited > PATIENCE {
            return Err("the server does not come up".to_owned());
        }
        pause();
        waited += INTERVAL;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that has not started yet tells nothing"
)]
fn pause() {
    std::thread::sleep(INTERVAL);
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
