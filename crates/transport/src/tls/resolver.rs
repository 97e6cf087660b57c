//! Chooses the certificate for a handshake, and remembers which for the channel binding.

use std::{cell::RefCell, sync::Arc};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::certificate::{Certificates, Identity};

thread_local! {
    static CHOSEN: RefCell<Option<Arc<Identity>>> = const { RefCell::new(None) };
}

/// What was chosen on this thread since the last call. rustls asks the resolver inside the call
/// that processes a ClientHello, so the caller of that call finds its own answer here. Looking
/// the name up again later could meet another certificate: they are replaced while we serve.
pub(super) fn take_chosen() -> Option<Arc<Identity>> {
    CHOSEN.take()
}

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
        CHOSEN.set(Some(Arc::clone(identity)));
        Some(Arc::clone(&identity.key))
    }
}
