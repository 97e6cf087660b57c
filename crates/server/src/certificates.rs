//! Which certificates are served: those of the folder, and self-made ones where the configuration
//! allows it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use jid::Domain;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use transport::certificate::{CertificateSet, Identity, read_folder};

use crate::{
    config::{Config, SelfSigned},
    data_folder::write_private,
};

/// Where self-made certificates are kept, in the data folder.
const FOLDER: &str = "self-signed";

/// A self-made certificate lasts this long. Nobody checks it but those who accepted it by hand.
const YEARS: i32 = 10;

/// Finds a certificate for every host of `config`; makes what may be made, once, in `data`. With
/// no `data` nothing is made, and hosts that would get one are passed over: for a check.
///
/// # Errors
///
/// A sentence when the folder cannot be read, or when a host must have a certificate and has
/// none.
pub(crate) fn load(config: &Config, data: Option<&Path>) -> Result<CertificateSet> {
    let folder = config.certificate_folder();
    let identities = match &folder {
        Some(folder) => read_folder(folder)?,
        None => Vec::new(),
    };
    let hosts: Vec<String> = config.hosts.keys().map(Domain::to_ascii).collect();
    let found = CertificateSet::new(identities.clone(), BTreeMap::new(), &hosts);
    let mut self_made = BTreeMap::new();
    for host in hosts.iter().filter(|host| found.find(host).is_none()) {
        if may_be_self_signed(host, config.tls.self_signed) {
            if let Some(data) = data {
                self_made.insert(host.clone(), self_signed(host, data)?);
            }
        } else {
            let place = folder
                .as_deref()
                .unwrap_or_else(|| Path::new("certs"))
                .display();
            let problem = format!(
                "the host \"{host}\" has no certificate: put one and its key into {place}, or set tls.self_signed = \"always\" to try things out"
            );
            if config.c2s.require_tls {
                bail!(problem);
            }
            tracing::warn!("{problem}");
        }
    }
    Ok(CertificateSet::new(identities, self_made, &hosts))
}

/// Finds certificates as [`load`] does, to take the place of those in `before`. A host that has one of the folder does
/// not lose it by this: files that were spoilt would turn its users away.
///
/// # Errors
///
/// As [`load`], and a sentence when a host would lose its certificate.
pub(crate) fn load_again(
    config: &Config,
    data: &Path,
    before: &CertificateSet,
) -> Result<CertificateSet> {
    // Nothing is made before it is known that nothing is lost.
    let after = load(config, None)?;
    let self_made = data.join(FOLDER);
    let is_real = |set: &CertificateSet, host: &str| {
        let identity = set.find(host);
        identity.is_some_and(|identity| !identity.path.starts_with(&self_made))
    };
    for host in config.hosts.keys().map(Domain::to_ascii) {
        if is_real(before, &host) && !is_real(&after, &host) {
            let folder = config.certificate_folder();
            let place = folder.map_or_else(
                || "the certificate folder, which is gone".to_owned(),
                |folder| folder.display().to_string(),
            );
            bail!(
                "the host \"{host}\" would lose its certificate: there is none with a key that fits in {place}; put it back, or restart the server to go on without"
            );
        }
    }
    load(config, Some(data))
}

/// Whether `host` gets a self-made certificate. The names are those that RFC 6761 keeps for
/// tests and for this machine.
pub(crate) fn may_be_self_signed(host: &str, policy: SelfSigned) -> bool {
    match policy {
        SelfSigned::Always => true,
        SelfSigned::Never => false,
        SelfSigned::Auto => {
            let top = host.rsplit('.').next().unwrap_or(host);
            ["localhost", "test", "example", "invalid"].contains(&top)
        }
    }
}

/// The self-made certificate of `host`, made now if there is none.
fn self_signed(host: &str, data: &Path) -> Result<Identity> {
    let folder = data.join(FOLDER);
    let name = host.replace(['/', ':', '[', ']'], "_");
    let (chain, key) = (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    );
    if chain.exists() && key.exists() {
        return Ok(Identity::read(&chain, &key)?);
    }
    let make = || -> Result<()> {
        fs::create_dir_all(&folder)?;
        let pair = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, host);
        let year = this_year();
        params.not_before = date_time_ymd(year, 1, 1);
        params.not_after = date_time_ymd(year + YEARS, 1, 1);
        let certificate = params.self_signed(&pair)?;
        write_private(&key, pair.serialize_pem().as_bytes())?;
        fs::write(&chain, certificate.pem())?;
        Ok(())
    };
    make().with_context(|| format!("cannot make a certificate in {}", folder.display()))?;
    tracing::info!(host, file = %chain.display(), "made a self-signed certificate");
    Ok(Identity::read(&chain, &key)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a certificate says from when on it is valid"
)]
fn this_year() -> i32 {
    const SECONDS_PER_YEAR: u64 = 31_556_952;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    1970 + i32::try_from(since.as_secs() / SECONDS_PER_YEAR).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_kept_for_tests_are_self_signed_by_themselves() {
        check("localhost", true);
        check("anon.localhost", true);
        check("chat.example", true);
        check("a.b.test", true);
        check("example.org", false);
        check("localhost.example.org", false);
    }

    #[track_caller]
    fn check(host: &str, made: bool) {
        assert_eq!(may_be_self_signed(host, SelfSigned::Auto), made, "{host}");
    }

    #[test]
    fn a_self_signed_certificate_is_made_once() {
        let data = tempfile::tempdir().unwrap();
        let first = self_signed("anon.localhost", data.path()).unwrap();
        let second = self_signed("anon.localhost", data.path()).unwrap();
        assert_eq!(first.leaf, second.leaf);
        assert_eq!(first.leaf.dns_names, ["anon.localhost"]);
    }
}
