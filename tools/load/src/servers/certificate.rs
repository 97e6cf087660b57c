//! The certificate that every server shows: ECDSA P-256, made on the spot.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// Writes `certificate.pem`, `key.pem`, and both in one file, as ejabberd wants them. Couplet makes its own, alike.
///
/// # Errors
///
/// When it can't be made or written.
pub(super) fn make(folder: &Path) -> Result<()> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
        .context("can't make a certificate")?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(folder.join("certificate.pem"), &certificate)?;
    fs::write(folder.join("key.pem"), &key)?;
    fs::write(
        folder.join("certificate-and-key.pem"),
        format!("{certificate}{key}"),
    )?;
    Ok(())
}
