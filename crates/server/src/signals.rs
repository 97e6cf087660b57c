//! Signals, as an operator or a service manager sends them.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals a server listens to.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Completes with the next order.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.terminate.recv() => Order::Stop,
            _ = self.hangup.recv() => Order::Reload,
        }
    }

    /// Completes with the next order to stop.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Order::Stop {}
    }
}

/// What an operator orders by a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGHUP.
    Reload,
}
