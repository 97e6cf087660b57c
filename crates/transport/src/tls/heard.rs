//! What rustls told its callbacks during the call that processes a handshake: on this thread, inside that
//! call. Who makes the call takes it right after, and throws away before it what another one left.
//!
//! Looking the certificate up again later could meet another one: they are replaced while we serve.

use std::{cell::RefCell, sync::Arc};

use super::exporter::ExporterSecret;
use crate::certificate::Identity;

thread_local! {
    static HEARD: RefCell<Heard> = RefCell::default();
}

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The certificate that the client is shown.
    pub(super) chosen: Option<Arc<Identity>>,
    /// The host the client asked for by SNI, in lower case.
    pub(super) sni: Option<String>,
    /// What the channel binding is made of, in TLS 1.3.
    pub(super) exporter: Option<ExporterSecret>,
}

/// Everything since the last call.
pub(super) fn take() -> Heard {
    HEARD.take()
}

/// The resolver chose a certificate.
pub(super) fn chosen(identity: &Arc<Identity>, sni: Option<&str>) {
    HEARD.with_borrow_mut(|heard| {
        heard.chosen = Some(Arc::clone(identity));
        heard.sni = sni.map(str::to_ascii_lowercase);
    });
}

/// rustls has the exporter's secret.
pub(super) fn exporter(secret: ExporterSecret) {
    HEARD.with_borrow_mut(|heard| heard.exporter = Some(secret));
}

impl Heard {
    /// Adds what was heard later.
    pub(super) fn add(&mut self, later: Self) {
        self.chosen = later.chosen.or(self.chosen.take());
        self.sni = later.sni.or(self.sni.take());
        self.exporter = later.exporter.or(self.exporter.take());
    }
}
