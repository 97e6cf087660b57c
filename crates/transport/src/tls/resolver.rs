//! Chooses the certificate for a handshake, and remembers which for the channel binding.

use std::sync::Arc;

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::heard;
use crate::certificate::Certificates;

/// By SNI; else by the host of the stream in which STARTTLS was asked for; else the first.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) certificates: Arc<Certificates>,
    pub(super) stream_host: Option<String>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let set = self.certificates.current();
        let identity = hello
            .server_name()
            .and_then(|name| set.find(name))
            .or_else(|| self.stream_host.as_deref().and_then(|host| set.find(host)))
            .or_else(|| set.fallback())?;
        heard::chosen(identity, hello.server_name());
        Some(Arc::clone(&identity.key))
    }
}
