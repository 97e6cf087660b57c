//! One connection's TLS, without I/O. See the folder's head for what may be swapped here.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use rustls::{ProtocolVersion, ServerConfig, ServerConnection, server::danger::ClientCertVerifier};
use thiserror::Error;

use super::{TlsInfo, TlsVersion, client_certificate::verified_addresses, resolver::take_chosen};
use crate::certificate::Identity;

/// RFC 9266 §2: the label; the context is empty.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The peer broke TLS, or does not speak it. An alert may wait to be sent.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct TlsFault(#[from] rustls::Error);

impl From<io::Error> for TlsFault {
    /// The buffered API reports a violated invariant of its own buffers as an I/O error.
    fn from(error: io::Error) -> Self {
        Self(rustls::Error::General(error.to_string()))
    }
}

/// Server side of one TLS connection.
#[derive(Debug)]
pub(crate) struct Session {
    rustls: ServerConnection,
    state: State,
}

#[derive(Debug)]
enum State {
    /// `chosen` is the certificate shown, known after the ClientHello.
    Handshaking {
        chosen: Option<Arc<Identity>>,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    },
    Established,
    /// The peer said `close_notify`.
    PeerClosed,
}

impl Session {
    /// Waits for a ClientHello. `verifier` judges the client's certificate after the handshake.
    pub(super) fn new(
        config: Arc<ServerConfig>,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            rustls: ServerConnection::new(config)?,
            state: State::Handshaking {
                chosen: None,
                verifier,
            },
        })
    }

    /// Whether the handshake goes on.
    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Handshaking { .. })
    }

    /// Takes ciphertext and appends the plaintext in it to `plain`. Returns the handshake's result
    /// when it ended; the plaintext came after it. Handshake answers and alerts, also after an
    /// error, wait for [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`TlsFault`] when the peer broke the protocol; the session is of no use any more.
    pub(crate) fn receive(
        &mut self,
        mut wire: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<Option<TlsInfo>, TlsFault> {
        let mut established = None;
        while !wire.is_empty() && !self.peer_has_closed() {
            if self.rustls.read_tls(&mut wire)? == 0 {
                break;
            }
            if self.is_handshaking() {
                // Whatever a failed handshake on this thread left behind is not ours.
                drop(take_chosen());
            }
            let io = self.rustls.process_new_packets()?;
            if let Some(info) = self.check_handshake()? {
                established = Some(info);
            }
            let length = io.plaintext_bytes_to_read();
            if length > 0 {
                self.rustls
                    .reader()
                    .take(length as u64)
                    .read_to_end(plain)?;
            }
            if io.peer_has_closed() {
                self.state = State::PeerClosed;
            }
        }
        Ok(established)
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
    pub(crate) fn send(&mut self, mut plain: &[u8], wire: &mut Vec<u8>) -> Result<(), TlsFault> {
        loop {
            if !plain.is_empty() {
                let taken = self.rustls.writer().write(plain)?;
                plain = plain.get(taken..).unwrap_or_default();
            }
            while self.rustls.wants_write() {
                self.rustls.write_tls(wire)?;
            }
            if plain.is_empty() {
                return Ok(());
            }
        }
    }

    /// Says `close_notify`; what is to be written is appended to `wire`.
    pub(crate) fn close(&mut self, wire: &mut Vec<u8>) {
        self.rustls.send_close_notify();
        // Writing into a vector does not fail.
        let _ = self.send(&[], wire);
    }

    fn check_handshake(&mut self) -> Result<Option<TlsInfo>, TlsFault> {
        let State::Handshaking { chosen, verifier } = &mut self.state else {
            return Ok(None);
        };
        if let Some(identity) = take_chosen() {
            *chosen = Some(identity);
        }
        if self.rustls.is_handshaking() {
            return Ok(None);
        }
        let info = info(&self.rustls, chosen.as_deref(), verifier.as_deref())?;
        self.state = State::Established;
        Ok(Some(info))
    }
}

fn info(
    rustls: &ServerConnection,
    chosen: Option<&Identity>,
    verifier: Option<&dyn ClientCertVerifier>,
) -> Result<TlsInfo, TlsFault> {
    let version = match rustls.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        _ => TlsVersion::V1_2,
    };
    let exporter = match version {
        TlsVersion::V1_3 => {
            Some(rustls.export_keying_material([0; 32], EXPORTER_LABEL, Some(b""))?)
        }
        TlsVersion::V1_2 => None,
    };
    Ok(TlsInfo {
        version,
        cipher: rustls
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown"),
        exporter,
        end_point: chosen
            .and_then(|identity| Some(identity.leaf.end_point_hash?.digest(identity.leaf_der()))),
        sni: rustls.server_name().map(str::to_ascii_lowercase),
        alpn: rustls
            .alpn_protocol()
            .and_then(|name| String::from_utf8(name.to_vec()).ok()),
        client_addresses: verifier
            .zip(rustls.peer_certificates())
            .map(|(verifier, chain)| verified_addresses(verifier, chain))
            .unwrap_or_default(),
    })
}
