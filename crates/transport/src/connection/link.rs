//! How bytes travel on a connection: as they are, or through TLS.

use crate::{
    buffers::Buffers,
    tls::{Reached, Session, TlsFault},
};

/// What lies between the socket and the protocol.
#[derive(Debug)]
pub(super) enum Link {
    /// Nothing.
    Plain,
    /// TLS; boxed, as it comes in place of nothing with STARTTLS.
    Tls(Box<Session>),
}

/// What a read brought, besides the plaintext in [`Buffers::plain_in`].
#[derive(Debug, Default)]
pub(super) struct Received {
    /// How far the handshake came with it.
    pub(super) reached: Option<Reached>,
    /// The peer closed its direction after the plaintext.
    pub(super) closed: bool,
}

impl Link {
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Whether the protocol's bytes can be sent.
    pub(super) fn can_send(&self) -> bool {
        match self {
            Self::Plain => true,
            Self::Tls(session) => session.can_send(),
        }
    }

    /// Whether TLS has begun and its handshake is not over.
    pub(super) fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(session) if session.is_handshaking())
    }

    /// Decrypts the first `length` bytes of `buffers.read` into `buffers.plain_in`.
    pub(super) fn receive(
        &mut self,
        length: usize,
        buffers: &mut Buffers,
    ) -> Result<Received, TlsFault> {
        let wire = buffers.read.get_mut(..length).unwrap_or_default();
        buffers.plain_in.clear();
        match self {
            Self::Plain => {
                buffers.plain_in.extend_from_slice(wire);
                Ok(Received::default())
            }
            Self::Tls(session) => {
                let reached = session.receive(wire, &mut buffers.plain_in)?;
                Ok(Received {
                    reached,
                    closed: session.peer_has_closed(),
                })
            }
        }
    }

    /// Encrypts `buffers.plain_out` into `buffers.wire_out`, with what TLS itself has to say.
    pub(super) fn send(&mut self, buffers: &mut Buffers) -> Result<(), TlsFault> {
        match self {
            Self::Plain => {
                std::mem::swap(&mut buffers.plain_out, &mut buffers.wire_out);
                Ok(())
            }
            Self::Tls(session) => session.send(&buffers.plain_out, &mut buffers.wire_out),
        }
    }

    /// Says that we will send nothing more.
    pub(super) fn close(&mut self, wire: &mut Vec<u8>) {
        if let Self::Tls(session) = self {
            session.close(wire);
        }
    }
}
