//! Channel bindings: what ties an exchange to the TLS connection below it.

use std::fmt;

/// The name of [`ChannelBinding::Exporter`].
pub(crate) const EXPORTER: &str = "tls-exporter";
/// The name of [`ChannelBinding::ServerEndPoint`].
pub(crate) const END_POINT: &str = "tls-server-end-point";

/// The data of one channel binding of this connection.
#[derive(Clone, Eq, PartialEq)]
pub enum ChannelBinding {
    /// `tls-exporter`, [RFC 9266]: 32 bytes of keying material with the label `EXPORTER-Channel-Binding`
    /// and an empty context. With TLS 1.3 only.
    ///
    /// [RFC 9266]: https://www.rfc-editor.org/rfc/rfc9266
    Exporter([u8; 32]),
    /// `tls-server-end-point`, [RFC 5929 §4]: the hash of the server's certificate.
    ///
    /// [RFC 5929 §4]: https://www.rfc-editor.org/rfc/rfc5929#section-4
    ServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    /// The registered name, as in XEP-0440 and in the client's first message.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exporter(_) => EXPORTER,
            Self::ServerEndPoint(_) => END_POINT,
        }
    }

    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::Exporter(data) => data,
            Self::ServerEndPoint(data) => data,
        }
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(..)", self.name())
    }
}
