//! Certificates: one for each host, valid, with a whole chain, and a key that nobody else can read.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::Path};

use jid::Domain;
use transport::{
    certificate::{CertificateSet, Flaw, Identity},
    tls::ClientAuthorities,
};

use super::{Finding, Severity};
use crate::{
    config::Config,
    expiry::{NOTICE_DAYS, days_left},
};

const ABOUT: &str = "certificates";

/// What is found about the certificates that would be served.
pub(super) fn look(config: &Config, set: &CertificateSet, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut keys = BTreeSet::new();
    for host in config.hosts.keys().map(Domain::to_ascii) {
        let Some(identity) = set.find(&host) else {
            findings.push(missing(config, &host));
            continue;
        };
        let file = identity.path.display();
        let flaws = identity.flaws(&host, now);
        findings.extend(flaws.iter().map(|flaw| about_flaw(&host, identity, flaw)));
        let days = days_left(identity.leaf.not_after, now);
        if (0..NOTICE_DAYS).contains(&days) {
            findings.push(Finding::new(
                Severity::Warning,
                ABOUT,
                format!("the certificate of {host} in {file} expires in {days} days"),
                "Renew it; the server takes the new one by itself",
            ));
        }
        if keys.insert(identity.key_path.clone()) {
            findings.extend(about_key(&identity.key_path));
        }
    }
    findings
}

/// A host that is passed over in a check: it gets a certificate at the start, or goes without.
fn missing(config: &Config, host: &str) -> Finding {
    match crate::certificates::may_be_self_signed(host, config.tls.self_signed) {
        true => Finding::new(
            Severity::Note,
            ABOUT,
            format!("{host} has no certificate; the server makes one that nobody vouches for"),
            "For people to use it, put a certificate into the folder that tls.certificates names",
        ),
        false => Finding::new(
            Severity::Warning,
            ABOUT,
            format!("{host} has no certificate: clients can't use TLS"),
            "Put one and its key into the folder that tls.certificates names",
        ),
    }
}

fn about_flaw(host: &str, identity: &Identity, flaw: &Flaw) -> Finding {
    let file = identity.path.display();
    let (severity, found, advice) = match flaw {
        Flaw::Expired => (
            Severity::Error,
            format!("the certificate of {host} in {file} has expired"),
            "Renew it: clients refuse to connect".to_owned(),
        ),
        Flaw::NotYetValid => (
            Severity::Error,
            format!("the certificate of {host} in {file} is not valid yet"),
            "Look at the clock of this machine, or wait".to_owned(),
        ),
        Flaw::SelfSigned => (
            Severity::Warning,
            format!("nobody vouches for the certificate of {host} in {file}: it is self-signed"),
            "Clients warn their users; get one from an authority, such as Let's Encrypt".to_owned(),
        ),
        Flaw::Alone => (
            Severity::Warning,
            format!("{file} holds the certificate of {host} and not those of its issuer"),
            "Many clients refuse that; use the whole chain, which is often called fullchain.pem"
                .to_owned(),
        ),
        Flaw::ChainExpired => (
            Severity::Error,
            format!("a certificate behind that of {host} in {file} has expired"),
            "Get the chain anew from the authority".to_owned(),
        ),
        Flaw::ChainBroken { reason } => (
            Severity::Error,
            format!("the chain of {host} in {file} does not hold ({reason})"),
            "Put its own certificate first, then that of its issuer, and so on".to_owned(),
        ),
        other => (
            Severity::Warning,
            format!("the certificate of {host} in {file} has a flaw ({other:?})"),
            "Look at it with \"openssl x509 -text\"".to_owned(),
        ),
    };
    Finding::new(severity, ABOUT, found, advice)
}

fn about_key(key: &Path) -> Option<Finding> {
    let mode = fs::metadata(key).ok()?.permissions().mode();
    let file = key.display();
    (mode & 0o007 != 0).then(|| {
        Finding::new(
            Severity::Error,
            ABOUT,
            format!("every user of this machine can read the private key {file}"),
            format!("Run \"chmod o= {file}\", and get a new key if others have accounts here"),
        )
    })
}

/// Whether the authorities for client certificates can be used.
pub(super) fn authorities(config: &Config) -> Option<Finding> {
    let path = config.tls.client_authorities.as_deref()?;
    let error = ClientAuthorities::read(path).err()?;
    Some(Finding::new(
        Severity::Error,
        ABOUT,
        error.to_string(),
        "Correct tls.client_authorities, or leave it out",
    ))
}
