//! The engine's client connections, driven by this crate.

use std::{
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
    time::Instant,
};

use engine::{ClientSettings, Connection, Server, TlsFacts};
use sasl::ChannelBinding;

use crate::{
    drive::{Drive, ListenerKind, MakeConnection, Peer},
    tls::{TlsInfo, TlsVersion},
};

/// Makes the engine's connections for accepted sockets.
#[derive(Clone)]
pub struct Clients {
    server: Arc<Server>,
    settings: Arc<RwLock<Settings>>,
}

/// By kind of listener.
struct Settings {
    starttls: Arc<ClientSettings>,
    direct: Arc<ClientSettings>,
}

impl Settings {
    /// Over direct TLS there is nothing to start.
    fn new(settings: ClientSettings) -> Self {
        let direct = ClientSettings {
            can_start_tls: false,
            ..settings.clone()
        };
        Self {
            starttls: Arc::new(settings),
            direct: Arc::new(direct),
        }
    }
}

impl Clients {
    /// Connections of `server` with these settings.
    pub fn new(server: Arc<Server>, settings: ClientSettings) -> Self {
        Self {
            server,
            settings: Arc::new(RwLock::new(Settings::new(settings))),
        }
    }

    /// Changes the settings for connections accepted from now on.
    pub fn set_settings(&self, settings: ClientSettings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Settings::new(settings);
    }
}

impl MakeConnection for Clients {
    type Connection = Connection;

    fn make(&self, peer: &Peer, now: Instant) -> Connection {
        let settings = {
            let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
            match peer.kind {
                ListenerKind::C2s => Arc::clone(&settings.starttls),
                ListenerKind::C2sTls => Arc::clone(&settings.direct),
            }
        };
        let peer = engine::Peer {
            address: Some(peer.address.ip()),
            label: format!("c2s-{} {}", peer.id, peer.address),
        };
        Connection::new(Arc::clone(&self.server), settings, peer, now)
    }
}

impl Drive for Connection {
    fn receive(&mut self, bytes: &[u8], now: Instant) {
        Self::receive(self, bytes, now);
    }

    fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        Self::poll(self, cx, now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        Self::flush(self, out);
    }

    fn wants_read(&self) -> bool {
        Self::wants_read(self)
    }

    fn tls_requested(&self) -> bool {
        Self::tls_requested(self)
    }

    fn tls_host(&self) -> Option<String> {
        Self::tls_host(self)
    }

    fn tls_early(&mut self, info: TlsInfo, _now: Instant) {
        Self::tls_early(self, facts(info));
    }

    fn tls_established(&mut self, info: TlsInfo, _now: Instant) {
        Self::tls_established(self, facts(info));
    }

    fn is_closed(&self) -> bool {
        Self::is_closed(self)
    }

    fn is_authenticated(&self) -> bool {
        Self::is_authenticated(self)
    }

    fn peer_closed(&mut self, now: Instant) {
        Self::peer_closed(self, now);
    }

    fn lost(&mut self, now: Instant) {
        Self::lost(self, now);
    }

    fn stop(&mut self, now: Instant) {
        Self::stop(self, now);
    }
}

/// What the engine is told of a handshake.
fn facts(info: TlsInfo) -> TlsFacts {
    let (number, version) = match info.version {
        TlsVersion::V1_2 => (0x0303, "TLS 1.2"),
        TlsVersion::V1_3 => (0x0304, "TLS 1.3"),
    };
    let exporter = info.exporter.map(ChannelBinding::Exporter);
    let end_point = info.end_point.map(ChannelBinding::ServerEndPoint);
    TlsFacts {
        bindings: exporter.into_iter().chain(end_point).collect(),
        version: Some(number),
        takes_early_data: info.takes_early_data,
        xmpp_addresses: info.client_addresses,
        description: format!("{version} {}", info.cipher),
    }
}
