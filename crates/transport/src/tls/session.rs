//! One connection's TLS, without I/O and without buffers of its own: it works on the worker's, and keeps no
//! more than an unfinished record, and what waits to be sent during the handshake.
//!
//! rustls's buffered type would keep 4 KiB per connection at rest; its unbuffered one keeps the keys.

use std::sync::Arc;

use rustls::{
    ProtocolVersion, ServerConfig,
    server::{UnbufferedServerConnection, danger::ClientCertVerifier},
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError,
        WriteTraffic,
    },
};
use thiserror::Error;

use super::{
    TlsInfo, TlsVersion,
    client_certificate::verified_addresses,
    heard::{self, Heard},
};

/// The most a record carries.
const RECORD_BYTES: usize = 16 * 1024;

/// More than any record adds to what it carries: header, nonce, content type and tag.
const RECORD_OVERHEAD: usize = 64;

/// The peer broke TLS, or does not speak it. An alert may wait to be sent.
#[derive(Debug, Error)]
pub(crate) enum TlsFault {
    /// What rustls says of it.
    #[error(transparent)]
    Protocol(#[from] rustls::Error),
    /// Our keys have encrypted as much as they may.
    #[error("the connection's keys are used up")]
    KeysUsedUp,
    /// The connection is over, or not ready for data.
    #[error("TLS cannot send data now")]
    NotReady,
}

/// Server side of one TLS connection.
pub(crate) struct Session {
    rustls: UnbufferedServerConnection,
    state: State,
    /// The beginning of a record, or of a handshake message, of which the rest is still to come.
    unfinished: Vec<u8>,
    /// What TLS itself has to say: handshake, tickets, alerts.
    to_send: Vec<u8>,
}

enum State {
    Handshaking(Box<Handshake>),
    Established,
    /// The peer said `close_notify`.
    PeerClosed,
}

/// What is known only until the handshake is over.
struct Handshake {
    heard: Heard,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    /// Clients that come back may send data along with their first flight.
    takes_early_data: bool,
    /// What was negotiated, once such data came and was taken: from then on there are keys to answer with.
    early: Option<TlsInfo>,
}

/// How far a handshake came.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The client's data is being taken before it has shown that it is there, [RFC 8446 §2.3]: somebody may have recorded
    /// and sent it again. It can be answered.
    ///
    /// [RFC 8446 §2.3]: https://www.rfc-editor.org/rfc/rfc8446#section-2.3
    EarlyData(TlsInfo),
    /// The handshake is over.
    Established(TlsInfo),
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("is_handshaking", &self.is_handshaking())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Waits for a ClientHello. `verifier` judges the client's certificate after the handshake.
    pub(super) fn new(
        config: Arc<ServerConfig>,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Self, rustls::Error> {
        let takes_early_data = config.max_early_data_size > 0;
        Ok(Self {
            rustls: UnbufferedServerConnection::new(config)?,
            state: State::Handshaking(Box::new(Handshake {
                heard: Heard::default(),
                verifier,
                takes_early_data,
                early: None,
            })),
            unfinished: Vec::new(),
            to_send: Vec::new(),
        })
    }

    /// Whether the handshake goes on.
    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Handshaking(_))
    }

    /// Whether there are keys to answer with: after the handshake, and from the first early data on.
    pub(crate) fn can_send(&self) -> bool {
        match &self.state {
            State::Handshaking(handshake) => handshake.early.is_some(),
            State::Established | State::PeerClosed => true,
        }
    }

    /// Takes ciphertext, which it may overwrite, and appends the plaintext in it to `plain`. Returns how far the
    /// handshake came, if it came further; the plaintext came after that, or before a handshake that ended behind early
    /// data. Handshake answers and alerts, also after an error, wait for [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`TlsFault`] when the peer broke the protocol; the session is of no use any more.
    pub(crate) fn receive(
        &mut self,
        wire: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<Option<Reached>, TlsFault> {
        if self.peer_has_closed() {
            return Ok(None);
        }
        if self.unfinished.is_empty() {
            let (used, received) = self.process(wire, plain);
            self.unfinished = wire.get(used..).unwrap_or_default().to_vec();
            return received;
        }
        let mut kept = std::mem::take(&mut self.unfinished);
        kept.extend_from_slice(wire);
        let (used, received) = self.process(&mut kept, plain);
        self.unfinished = match used {
            // It grows as bytes come, and is not copied with each.
            0 => kept,
            _ => kept.get(used..).unwrap_or_default().to_vec(),
        };
        received
    }

    /// Whether the peer said `close_notify`; [`receive`](Self::receive) ignores what follows.
    pub(crate) fn peer_has_closed(&self) -> bool {
        matches!(self.state, State::PeerClosed)
    }

    /// Encrypts all of `plain`, and appends it and whatever TLS itself wants to say to `wire`.
    ///
    /// # Errors
    ///
    /// [`TlsFault`] when rustls refuses; the connection cannot go on.
    pub(crate) fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<(), TlsFault> {
        wire.append(&mut self.to_send);
        self.to_send = Vec::new();
        if plain.is_empty() {
            return Ok(());
        }
        self.with_traffic(wire, |traffic, wire| {
            let records = plain.len().div_ceil(RECORD_BYTES);
            let room = plain.len() + (records + 1) * RECORD_OVERHEAD;
            fill(wire, room, |out| match traffic.encrypt(plain, out) {
                Ok(written) => Ok(Ok(written)),
                Err(EncryptError::InsufficientSize(more)) => Err(more),
                Err(EncryptError::EncryptExhausted) => Ok(Err(TlsFault::KeysUsedUp)),
            })
        })
    }

    /// Says `close_notify`; what is to be written is appended to `wire`. A handshake just ends.
    pub(crate) fn close(&mut self, wire: &mut Vec<u8>) {
        wire.append(&mut self.to_send);
        // A connection that can't say it any more ends without.
        let _ = self.with_traffic(wire, |traffic, wire| {
            fill(wire, RECORD_OVERHEAD, |out| {
                match traffic.queue_close_notify(out) {
                    Ok(written) => Ok(Ok(written)),
                    Err(EncryptError::InsufficientSize(more)) => Err(more),
                    Err(EncryptError::EncryptExhausted) => Ok(Err(TlsFault::KeysUsedUp)),
                }
            })
        });
    }

    /// Decrypts and answers until nothing more can be made of `wire`. Gives how much of it is used up, and how far the
    /// handshake came.
    fn process(
        &mut self,
        wire: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> (usize, Result<Option<Reached>, TlsFault>) {
        let mut reached = None;
        let mut used = 0;
        loop {
            let mut has_early_data = false;
            if self.is_handshaking() {
                // Whatever a failed handshake on this thread left behind is not ours.
                drop(heard::take());
            }
            let rest = wire.get_mut(used..).unwrap_or_default();
            let status = self.rustls.process_tls_records(rest);
            used += status.discard;
            let is_blocked = match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        plain.extend_from_slice(record.payload);
                    }
                    false
                }
                Ok(ConnectionState::ReadEarlyData(mut early)) => {
                    while let Some(Ok(record)) = early.next_record() {
                        plain.extend_from_slice(record.payload);
                    }
                    has_early_data = true;
                    false
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, &mut self.to_send);
                    false
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    false
                }
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    self.state = State::PeerClosed;
                    true
                }
                // There is nothing more to be had, and what rustls may yet invent needs nothing of us.
                Ok(_) => true,
                Err(error) => {
                    self.gather_alerts();
                    return (used, Err(error.into()));
                }
            };
            if let Some(further) = self.check_handshake(has_early_data) {
                reached = Some(further);
            }
            if is_blocked {
                return (used, Ok(reached));
            }
        }
    }

    /// After an error: what the peer is still to be told.
    fn gather_alerts(&mut self) {
        while let Ok(ConnectionState::EncodeTlsData(mut data)) =
            self.rustls.process_tls_records(&mut []).state
        {
            encode(&mut data, &mut self.to_send);
        }
    }

    /// Lets `write` encrypt, after what TLS itself had to say meanwhile, such as an answer to a key update.
    fn with_traffic(
        &mut self,
        wire: &mut Vec<u8>,
        write: impl FnOnce(
            &mut WriteTraffic<'_, rustls::server::ServerConnectionData>,
            &mut Vec<u8>,
        ) -> Result<(), TlsFault>,
    ) -> Result<(), TlsFault> {
        loop {
            // rustls counts from the beginning of what is unfinished: it has to see it each time.
            match self
                .rustls
                .process_tls_records(&mut self.unfinished)
                .state?
            {
                ConnectionState::EncodeTlsData(mut data) => encode(&mut data, wire),
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => self.state = State::PeerClosed,
                ConnectionState::WriteTraffic(mut traffic) => return write(&mut traffic, wire),
                _ => return Err(TlsFault::NotReady),
            }
        }
    }

    fn check_handshake(&mut self, has_early_data: bool) -> Option<Reached> {
        let State::Handshaking(handshake) = &mut self.state else {
            return None;
        };
        handshake.heard.add(heard::take());
        if self.rustls.is_handshaking() {
            if !has_early_data || handshake.early.is_some() {
                return None;
            }
            let info = info(&self.rustls, handshake);
            handshake.early = Some(info.clone());
            return Some(Reached::EarlyData(info));
        }
        let early = handshake.early.take();
        let info = early.unwrap_or_else(|| info(&self.rustls, handshake));
        self.state = State::Established;
        Some(Reached::Established(info))
    }
}

/// Appends a record of TLS's own to `wire`.
fn encode<D>(data: &mut EncodeTlsData<'_, D>, wire: &mut Vec<u8>) {
    let encoded = fill(wire, 0, |out| match data.encode(out) {
        Ok(written) => Ok(Ok(written)),
        Err(EncodeError::InsufficientSize(more)) => Err(more),
        Err(EncodeError::AlreadyEncoded) => Ok(Ok(0)),
    });
    debug_assert!(
        encoded.is_ok(),
        "there is room for as much as was asked for"
    );
}

/// Appends to `wire` what `write` writes into `room` bytes, or into as many as it asks for.
fn fill(
    wire: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, TlsFault>, InsufficientSizeError>,
) -> Result<(), TlsFault> {
    let start = wire.len();
    wire.resize(start + room, 0);
    let written = match write(wire.get_mut(start..).unwrap_or_default()) {
        Ok(written) => written,
        Err(InsufficientSizeError { required_size }) => {
            wire.resize(start + required_size, 0);
            write(wire.get_mut(start..).unwrap_or_default()).unwrap_or(Err(TlsFault::NotReady))
        }
    };
    wire.truncate(start + written.as_ref().copied().unwrap_or(0));
    written.map(|_| ())
}

fn info(rustls: &UnbufferedServerConnection, handshake: &mut Handshake) -> TlsInfo {
    let Handshake {
        heard,
        verifier,
        takes_early_data,
        ..
    } = handshake;
    let suite = rustls.negotiated_cipher_suite();
    let exporter = heard.exporter.take();
    let version = match rustls.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        _ => TlsVersion::V1_2,
    };
    TlsInfo {
        version,
        takes_early_data: *takes_early_data && version == TlsVersion::V1_3,
        cipher: suite
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown"),
        exporter: exporter
            .zip(suite)
            .and_then(|(secret, suite)| secret.binding(suite)),
        end_point: heard
            .chosen
            .as_ref()
            .and_then(|identity| Some(identity.leaf.end_point_hash?.digest(identity.leaf_der()))),
        sni: heard.sni.take(),
        alpn: rustls
            .alpn_protocol()
            .and_then(|name| String::from_utf8(name.to_vec()).ok()),
        client_addresses: verifier
            .as_deref()
            .zip(rustls.peer_certificates())
            .map(|(verifier, chain)| verified_addresses(verifier, chain))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
