//! The certificate that every server shows: ECDSA P-256, made on the spot.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

/// Writes `certificate.pem`, `key.pem`, and both in one file, as ejabberd wants them. Couplet makes its own, alike.
///
/// # Errors
///
/// When it can't be made or written.
pub(super) fn make(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    // ejabberd understands no certificate that ends after 2049, where the form of dates changes.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    let key = KeyPair::generate()?;
    let certificate = params
        .self_signed(&key)
        .context("can't make a certificate")?;
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    fs::write(folder.join("certificate.pem"), &certificate)?;
    fs::write(folder.join("key.pem"), &key)?;
    fs::write(
        folder.join("certificate-and-key.pem"),
        format!("{certificate}{key}"),
    )?;
    Ok(())
}
