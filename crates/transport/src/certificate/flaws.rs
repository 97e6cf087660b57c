//! What clients may dislike about a certificate that we would serve.
//!
//! Who is trusted is the clients' business: what is looked at here holds for all of them.

use std::{sync::Arc, time::Duration};

use rustls::{
    Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Certificate, Identity};

/// Something that is wrong with a certificate or its chain.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// It has expired.
    Expired,
    /// It is not valid yet, or the clock is wrong.
    NotYetValid,
    /// Nobody vouches for it.
    SelfSigned,
    /// The chain ends with the certificate itself, though another one issued it: most clients have no way to find that.
    Alone,
    /// A certificate further up the chain has expired.
    ChainExpired,
    /// The certificates behind it did not issue it, or stand in the wrong order.
    ChainBroken {
        /// What rustls says.
        reason: String,
    },
}

impl Identity {
    /// What clients of `host` may dislike about it at `now`, in seconds since 1970.
    pub fn flaws(&self, host: &str, now: i64) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.leaf.not_after < now {
            flaws.push(Flaw::Expired);
        } else if self.leaf.not_before > now {
            flaws.push(Flaw::NotYetValid);
        }
        match self.key.cert.as_slice() {
            _ if self.leaf.is_self_issued => flaws.push(Flaw::SelfSigned),
            [leaf, between @ .., last] => {
                let is_over = |der: &CertificateDer<'_>| {
                    Certificate::parse(der).is_ok_and(|read| read.not_after < now)
                };
                if between.iter().chain([last]).any(is_over) {
                    flaws.push(Flaw::ChainExpired);
                } else if let Err(error) =
                    verify(leaf, between, last, host, self.moment_of_validity(now))
                {
                    let reason = error.to_string();
                    flaws.push(Flaw::ChainBroken { reason });
                }
            }
            _ => flaws.push(Flaw::Alone),
        }
        flaws
    }

    /// `now`, or the nearest moment at which the certificate is valid: that it is not now is said already.
    fn moment_of_validity(&self, now: i64) -> i64 {
        now.max(self.leaf.not_before).min(self.leaf.not_after)
    }
}

/// Whether `last` vouches for `leaf` by way of those `between`.
fn verify(
    leaf: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    last: &CertificateDer<'_>,
    host: &str,
    now: i64,
) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(last.clone().into_owned())?;
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let name = ServerName::try_from(host).map_err(|error| Error::General(error.to_string()))?;
    let seconds = Duration::from_secs(u64::try_from(now).unwrap_or(0));
    let now = UnixTime::since_unix_epoch(seconds);
    verifier
        .verify_server_cert(leaf, between, &name, &[], now)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
    };

    use super::*;

    /// The first day of 2030 and of 2040.
    const IN_2030: i64 = 1_893_456_000;
    const IN_2040: i64 = 2_208_988_800;

    fn authority(name: &str, until: i32) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn leaf() -> (CertificateParams, KeyPair) {
        let mut params = CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "leaf");
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2035, 1, 1);
        (params, KeyPair::generate().unwrap())
    }

    fn identity(folder: &Path, chain: &str, key: &KeyPair) -> Identity {
        let (chain_file, key_file) = (folder.join("chain.pem"), folder.join("key.pem"));
        fs::write(&chain_file, chain).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        let identity = Identity::read(&chain_file, &key_file).unwrap();
        assert_eq!(identity.key_path, key_file);
        identity
    }

    #[test]
    fn a_chain_is_whole_when_each_vouches_for_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (issuer, other) = (authority("issuer", 2038), authority("other", 2038));
        let brief = authority("brief", 2029);
        let (params, key) = leaf();
        let signed = |by: &CertifiedIssuer<'_, KeyPair>| params.signed_by(&key, by).unwrap().pem();
        let check = |chain: String, now, flaws: &[Flaw]| {
            let identity = identity(folder.path(), &chain, &key);
            assert_eq!(identity.flaws("example.org", now), flaws);
        };
        check(signed(&issuer) + &issuer.pem(), IN_2030, &[]);
        check(
            signed(&issuer) + &issuer.pem(),
            IN_2040,
            &[Flaw::Expired, Flaw::ChainExpired],
        );
        check(
            signed(&issuer) + &issuer.pem(),
            1_600_000_000,
            &[Flaw::NotYetValid],
        );
        check(signed(&issuer), IN_2030, &[Flaw::Alone]);
        check(
            signed(&brief) + &brief.pem(),
            IN_2030,
            &[Flaw::ChainExpired],
        );
        let own = params.clone().self_signed(&key).unwrap().pem();
        check(own, IN_2030, &[Flaw::SelfSigned]);
        let stranger = identity(folder.path(), &(signed(&issuer) + &other.pem()), &key);
        assert!(
            matches!(
                stranger.flaws("example.org", IN_2030).as_slice(),
                [Flaw::ChainBroken { .. }]
            ),
            "another one vouches for it"
        );
    }
}
