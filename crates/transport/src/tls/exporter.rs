//! The channel binding `tls-exporter`, [RFC 9266](https://www.rfc-editor.org/rfc/rfc9266), where rustls keeps
//! the exporter to itself.
//!
//! rustls's unbuffered type has no exporter, but it tells a `KeyLog` the secret that the exporter is made of.
//! [`Tap`] takes that secret and no other, on the thread and inside the call that processes the handshake, and
//! the caller of that call takes it from there ([`heard`](super::heard)). It is wiped when dropped.

use ring::{
    digest::{self, digest},
    hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk},
};
use rustls::{KeyLog, SupportedCipherSuite, crypto::hash::HashAlgorithm};
use zeroize::Zeroizing;

use super::heard;

/// The name under which rustls logs the exporter's secret.
const EXPORTER_SECRET: &str = "EXPORTER_SECRET";

/// RFC 9266 §2: the label; the context is empty.
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The length of the binding in bytes, RFC 9266 §2.
const BINDING_LEN: usize = 32;

/// The secret of one connection's exporter.
pub(super) struct ExporterSecret(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for ExporterSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExporterSecret(..)")
    }
}

/// Takes the exporter's secret when rustls has it.
#[derive(Debug)]
pub(super) struct Tap;

impl KeyLog for Tap {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if label == EXPORTER_SECRET {
            heard::exporter(ExporterSecret(Zeroizing::new(secret.to_vec())));
        }
    }

    fn will_log(&self, label: &str) -> bool {
        label == EXPORTER_SECRET
    }
}

impl ExporterSecret {
    /// The binding, [RFC 8446 §7.5](https://www.rfc-editor.org/rfc/rfc8446#section-7.5): `None` for a suite of
    /// TLS 1.2 or a hash that TLS 1.3 does not have.
    pub(super) fn binding(&self, suite: SupportedCipherSuite) -> Option<[u8; BINDING_LEN]> {
        let SupportedCipherSuite::Tls13(suite) = suite else {
            return None;
        };
        let (hash, algorithm) = match suite.common.hash_provider.algorithm() {
            HashAlgorithm::SHA256 => (&digest::SHA256, HKDF_SHA256),
            HashAlgorithm::SHA384 => (&digest::SHA384, HKDF_SHA384),
            _ => return None,
        };
        let of_nothing = digest(hash, &[]);
        // Derive-Secret(exporter_secret, label, ""), then HKDF-Expand-Label of "exporter" over an empty context.
        let secret = Prk::new_less_safe(algorithm, &self.0);
        let mut derived = Zeroizing::new(vec![0; hash.output_len()]);
        expand_label(&secret, LABEL, of_nothing.as_ref(), &mut derived)?;
        let derived = Prk::new_less_safe(algorithm, &derived);
        let mut binding = [0; BINDING_LEN];
        expand_label(&derived, b"exporter", of_nothing.as_ref(), &mut binding)?;
        Some(binding)
    }
}

/// HKDF-Expand-Label, [RFC 8446 §7.1](https://www.rfc-editor.org/rfc/rfc8446#section-7.1), filling `out`.
fn expand_label(secret: &Prk, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let context_length = [u8::try_from(context.len()).ok()?];
    let info = [
        &length[..],
        &label_length,
        PREFIX,
        label,
        &context_length,
        context,
    ];
    let expanded = secret.expand(&info, Length(out.len())).ok()?;
    expanded.fill(out).ok()
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
