//! Client certificates: asked for, never required, and believed only if an authority signed them.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use crate::certificate::Certificate;

/// Lets every client certificate pass the handshake, so that a client with a wrong or expired one
/// can still sign in with its password. Possession of the key is proved all the same; whether the
/// certificate is believed is asked afterwards, by [`verified_addresses`].
#[derive(Debug)]
pub(super) struct Tolerant(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Tolerant {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The `xmppAddr`s of `chain` if `authorities` signed it and it is valid now; else none.
pub(super) fn verified_addresses(
    authorities: &dyn ClientCertVerifier,
    chain: &[CertificateDer<'_>],
) -> Vec<String> {
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Vec::new();
    };
    if let Err(error) = authorities.verify_client_cert(leaf, intermediates, UnixTime::now()) {
        tracing::debug!(%error, "a client certificate was not believed");
        return Vec::new();
    }
    Certificate::parse(leaf)
        .map(|leaf| leaf.xmpp_addresses)
        .unwrap_or_default()
}
