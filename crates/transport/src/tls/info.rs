//! What the engine is told about a handshake.

/// The TLS version in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// What was negotiated, and what SASL may bind to.
#[derive(Clone, Eq, PartialEq)]
pub struct TlsInfo {
    /// The protocol version.
    pub version: TlsVersion,
    /// A client that comes back here may send data along with its first flight.
    pub takes_early_data: bool,
    /// The cipher suite, as IANA names it.
    pub cipher: &'static str,
    /// The channel binding `tls-exporter`,
    /// [RFC 9266](https://www.rfc-editor.org/rfc/rfc9266); TLS 1.3 only.
    pub exporter: Option<[u8; 32]>,
    /// The channel binding `tls-server-end-point`,
    /// [RFC 5929 §4](https://www.rfc-editor.org/rfc/rfc5929#section-4), of the certificate that
    /// this client was shown.
    pub end_point: Option<Vec<u8>>,
    /// The host the client asked for by SNI, in lower case.
    pub sni: Option<String>,
    /// The protocol agreed by ALPN.
    pub alpn: Option<String>,
    /// The `xmppAddr`s of the client's certificate, if it showed one that an authority we trust
    /// for clients has signed; empty otherwise.
    pub client_addresses: Vec<String>,
}

impl std::fmt::Debug for TlsInfo {
    /// Leaves out the exporter: it is key material.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsInfo")
            .field("version", &self.version)
            .field("cipher", &self.cipher)
            .field("sni", &self.sni)
            .field("alpn", &self.alpn)
            .field("client_addresses", &self.client_addresses)
            .finish_non_exhaustive()
    }
}
