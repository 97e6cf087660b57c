//! How the server side of TLS is configured.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring::{Ticketer, default_provider},
    pki_types::{CertificateDer, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use thiserror::Error;

use super::{
    client_certificate::Tolerant, exporter::Tap, remembered::Remembered, resolver::Resolver,
    session::Session,
};
use crate::{certificate::Certificates, limits::EARLY_DATA_BYTES_MAX};

/// The protocol name of XEP-0368 for clients.
const ALPN_CLIENT: &[u8] = b"xmpp-client";

/// Stream hosts we keep a configuration for; STARTTLS without SNI to others gets the fallback.
const STREAM_HOSTS_MAX: usize = 1_000;

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The file of client authorities cannot be used.
    #[error("cannot use the client authorities in {}: {reason}", .path.display())]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gave no randomness, or the provider lacks what we ask of it.
    #[error("cannot set up TLS: {0}")]
    Provider(#[from] rustls::Error),
}

/// The authorities whose client certificates are believed for SASL EXTERNAL.
#[derive(Clone, Debug)]
pub struct ClientAuthorities(Arc<dyn ClientCertVerifier>);

impl ClientAuthorities {
    /// Reads the authorities' certificates from a PEM file.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::Authorities`] when it cannot be read or holds none.
    pub fn read(path: &Path) -> Result<Self, TlsConfigError> {
        let failed = |reason: String| TlsConfigError::Authorities {
            path: path.to_owned(),
            reason,
        };
        let mut roots = RootCertStore::empty();
        for certificate in
            CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
        {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| failed(error.to_string()))?;
        }
        let provider = Arc::new(default_provider());
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map(Self)
            .map_err(|error| failed(error.to_string()))
    }
}

/// What an operator sets for TLS.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// The authorities whose client certificates are believed. Without any, clients are not asked for certificates.
    pub authorities: Option<ClientAuthorities>,
    /// Clients that come back to a listener of direct TLS may send data along with their first flight. Whoever recorded
    /// that can send it again: what it does must bear that.
    pub takes_early_data: bool,
}

/// Begins TLS on accepted connections.
pub struct TlsAcceptor {
    certificates: Arc<Certificates>,
    authorities: Option<ClientAuthorities>,
    direct: Arc<ServerConfig>,
    starttls: Arc<ServerConfig>,
    /// As `starttls`, with the stream's host in place of a missing SNI.
    by_stream_host: Mutex<BTreeMap<String, Arc<ServerConfig>>>,
}

impl std::fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}

impl TlsAcceptor {
    /// Sets up TLS 1.2 and 1.3 with `certificates`.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::Provider`] when the provider fails.
    pub fn new(
        certificates: Arc<Certificates>,
        settings: TlsSettings,
    ) -> Result<Arc<Self>, TlsConfigError> {
        let authorities = settings.authorities;
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?;
        let builder = match &authorities {
            Some(ClientAuthorities(verifier)) => {
                builder.with_client_cert_verifier(Arc::new(Tolerant(Arc::clone(verifier))))
            }
            None => builder.with_no_client_auth(),
        };
        let resolver = Resolver {
            certificates: Arc::clone(&certificates),
            stream_host: None,
        };
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.send_tls13_tickets = 1;
        config.key_log = Arc::new(Tap);
        let mut direct = config.clone();
        resume_by_tickets(&mut config)?;
        if settings.takes_early_data {
            take_early_data(&mut direct);
        } else {
            direct.session_storage = Arc::clone(&config.session_storage);
            direct.ticketer = Arc::clone(&config.ticketer);
        }
        direct.alpn_protocols = vec![ALPN_CLIENT.to_vec()];
        Ok(Arc::new(Self {
            certificates,
            authorities,
            direct: Arc::new(direct),
            starttls: Arc::new(config),
            by_stream_host: Mutex::default(),
        }))
    }

    /// A session for a connection that begins with TLS. A client that offers ALPN must offer
    /// `xmpp-client`; one that offers none is welcome (XEP-0368 §3).
    pub(crate) fn direct(&self) -> Result<Session, rustls::Error> {
        Session::new(Arc::clone(&self.direct), self.verifier())
    }

    /// A session for STARTTLS in a stream to `host`.
    pub(crate) fn starttls(&self, host: Option<String>) -> Result<Session, rustls::Error> {
        let config = host.and_then(|host| self.for_stream_host(host));
        Session::new(
            config.unwrap_or_else(|| Arc::clone(&self.starttls)),
            self.verifier(),
        )
    }

    fn verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.authorities
            .as_ref()
            .map(|ClientAuthorities(verifier)| Arc::clone(verifier))
    }

    fn for_stream_host(&self, host: String) -> Option<Arc<ServerConfig>> {
        self.certificates.current().find(&host)?;
        let mut known = self
            .by_stream_host
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.get(&host) {
            return Some(Arc::clone(config));
        }
        if known.len() >= STREAM_HOSTS_MAX {
            return None;
        }
        let mut config = ServerConfig::clone(&self.starttls);
        config.cert_resolver = Arc::new(Resolver {
            certificates: Arc::clone(&self.certificates),
            stream_host: Some(host.clone()),
        });
        let config = Arc::new(config);
        known.insert(host, Arc::clone(&config));
        Some(config)
    }
}

/// Tickets instead of a cache: nothing to keep, and a reconnect storm costs a third less.
fn resume_by_tickets(config: &mut ServerConfig) -> Result<(), TlsConfigError> {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new()?;
    Ok(())
}

/// Clients may send data before the handshake is over. What they resume is kept here, and is good for once: the first
/// defence against who sends it again, [RFC 8446 §8.1](https://www.rfc-editor.org/rfc/rfc8446#section-8.1). It is answered
/// before the client is known to be there, or nothing would be gained.
fn take_early_data(config: &mut ServerConfig) {
    config.session_storage = Arc::new(Remembered::default());
    config.max_early_data_size = EARLY_DATA_BYTES_MAX;
    config.send_half_rtt_data = true;
}
