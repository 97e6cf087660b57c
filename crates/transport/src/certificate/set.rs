//! Which certificate for which name.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::folder::Identity;

/// The certificates of one moment, by the names inside them.
#[derive(Debug, Default)]
pub struct CertificateSet {
    /// By `dNSName` in lower case, wildcards as `*.example.org`.
    by_name: BTreeMap<String, Arc<Identity>>,
    /// For clients that name no host.
    fallback: Option<Arc<Identity>>,
}

impl CertificateSet {
    /// Sorts `identities` by name. Where several name the same host, the one that is valid for
    /// longest wins, then the longer chain, then the first.
    ///
    /// `self_made` are certificates for exactly one host each, used only where no other fits.
    /// `hosts` are the hosts served, in their order: the first that has a certificate is what
    /// clients without SNI get.
    pub fn new(
        identities: Vec<Identity>,
        self_made: BTreeMap<String, Identity>,
        hosts: &[String],
    ) -> Self {
        let mut by_name: BTreeMap<String, Arc<Identity>> = BTreeMap::new();
        for identity in identities {
            let identity = Arc::new(identity);
            for name in &identity.leaf.dns_names {
                let better = by_name.get(name).is_none_or(|held| {
                    (identity.leaf.not_after, identity.chain_len())
                        > (held.leaf.not_after, held.chain_len())
                });
                if better {
                    by_name.insert(name.clone(), Arc::clone(&identity));
                }
            }
        }
        let mut set = Self {
            by_name,
            fallback: None,
        };
        for (host, identity) in self_made {
            if set.find(&host).is_none() {
                set.by_name.insert(host, Arc::new(identity));
            }
        }
        set.fallback = hosts.iter().find_map(|host| set.find(host).cloned());
        set
    }

    /// The certificate for `name`: by its own name, else by a wildcard one label up
    /// ([RFC 6125 §6.4.3](https://www.rfc-editor.org/rfc/rfc6125#section-6.4.3)).
    pub fn find(&self, name: &str) -> Option<&Arc<Identity>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.by_name.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        })
    }

    /// What a client gets that named no host, or one we have no certificate for.
    pub(crate) fn fallback(&self) -> Option<&Arc<Identity>> {
        self.fallback.as_ref()
    }
}

/// The certificates in force; replacing them takes effect with the next handshake.
#[derive(Debug, Default)]
pub struct Certificates(RwLock<Arc<CertificateSet>>);

impl Certificates {
    /// Starts with `set`.
    pub fn new(set: CertificateSet) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(set))))
    }

    /// Puts `set` in force.
    pub fn replace(&self, set: CertificateSet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    /// The set in force.
    pub fn current(&self) -> Arc<CertificateSet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
