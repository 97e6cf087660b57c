//! The ports of a server: bound all or none, kept open over a restart.

use std::io::{self, IsTerminal};

use transport::{Bound, Endpoint, Inherited, ListenerKind};

use crate::{
    config::Config,
    failure::{Exit, Failure},
};

/// Bound, and not accepted from yet.
pub(crate) struct Listeners {
    pub(crate) clients: Vec<(Bound, ListenerKind)>,
    pub(crate) metrics: Vec<Bound>,
}

impl Listeners {
    /// Takes every listener that is open already and binds the others, or none.
    pub(crate) fn bind(config: &Config, mut inherited: Inherited) -> Result<Self, Failure> {
        let mut bind = |endpoint: Endpoint, key: &str| {
            let bound = inherited.bind(endpoint);
            bound.map_err(|error| Failure::start(format!("{error} (listen.{key})")))
        };
        let mut clients = Vec::new();
        for (key, endpoints, kind) in [
            ("c2s", &config.listen.c2s, ListenerKind::C2s),
            ("c2s_tls", &config.listen.c2s_tls, ListenerKind::C2sTls),
        ] {
            for endpoint in endpoints {
                let listeners = bind(*endpoint, key)?;
                clients.extend(listeners.into_iter().map(|listener| (listener, kind)));
            }
        }
        if clients.is_empty() {
            return Err(Failure::new(
                Exit::Config,
                "there is nothing to listen on; give listen.c2s or listen.c2s_tls an address",
            ));
        }
        let mut metrics = Vec::new();
        for endpoint in &config.listen.metrics {
            metrics.extend(bind(*endpoint, "metrics")?);
        }
        if !inherited.is_empty() {
            tracing::warn!("closed what was handed over and is no address in `listen`");
        }
        Ok(Self { clients, metrics })
    }

    /// Every listener once more, for the program that replaces this one.
    pub(crate) fn share(&self) -> io::Result<Vec<Bound>> {
        let clients = self.clients.iter().map(|(listener, _)| listener);
        clients.chain(&self.metrics).map(Bound::share).collect()
    }

    /// Says where to connect: to the log, and on a terminal also what to do next.
    pub(crate) fn announce(&self, config: &Config, workers: usize) {
        let addresses = |wanted| {
            let addresses: Vec<String> = self
                .clients
                .iter()
                .filter(|(_, kind)| *kind == wanted)
                .filter_map(|(listener, _)| listener.local_addr().ok())
                .map(|address| address.to_string())
                .collect();
            addresses.join(", ")
        };
        let hosts: Vec<String> = config.hosts.keys().map(ToString::to_string).collect();
        let hosts = hosts.join(", ");
        let (starttls, direct) = (
            addresses(ListenerKind::C2s),
            addresses(ListenerKind::C2sTls),
        );
        if !config.c2s.require_tls {
            tracing::warn!(
                "c2s.require_tls is off: passwords and messages may travel in plain text"
            );
        }
        if std::io::stdout().is_terminal() {
            println!("  Couplet serves {hosts}.");
            println!("  Clients connect to {starttls} (STARTTLS) or {direct} (TLS).");
            println!("  Next, in another terminal: couplet user add NAME@HOST");
            println!("  Ctrl-C stops.\n");
        }
        tracing::info!(%hosts, c2s = %starttls, c2s_tls = %direct, workers, version = env!("CARGO_PKG_VERSION"), "ready");
    }
}
