//! The versions of what a host offers, [XEP-0509](https://xmpp.org/extensions/xep-0509.html#stream-feature), each made once.
//!
//! A version is a hash over a kilobyte, and was a good part of the work of a sign-in. But a host has few offers: they differ
//! by the listener, by what there is to bind to, and by whether the client showed a certificate. Comparing with those that
//! were written before costs next to nothing, and whatever an offer comes to depend on, its version can't be another one's.

use std::sync::{Arc, OnceLock};

use sasl::wire::fingerprint;

use crate::limits::OFFERS_MAX;

/// See the file's head. A host in another configuration has another one.
#[derive(Debug, Default)]
pub struct OfferVersions([OnceLock<Known>; OFFERS_MAX]);

#[derive(Debug)]
struct Known {
    offer: Box<[u8]>,
    version: Arc<str>,
}

impl OfferVersions {
    /// The version of `offer`, which is another one for any other offer.
    pub(crate) fn of(&self, offer: &[u8]) -> Arc<str> {
        let new = || Known {
            offer: offer.into(),
            version: fingerprint(offer).into(),
        };
        let mut known = self.0.iter().map(|place| place.get_or_init(new));
        let same = known.find(|known| *known.offer == *offer);
        same.map_or_else(|| fingerprint(offer).into(), |known| known.version.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_has_its_own_version_however_many_there_are() {
        let versions = OfferVersions::default();
        for _ in 0..2 {
            for number in 0..OFFERS_MAX + 3 {
                let offer = format!("<offer>{number}</offer>");
                assert_eq!(
                    *versions.of(offer.as_bytes()),
                    fingerprint(offer.as_bytes())
                );
            }
        }
    }

    #[test]
    fn a_version_is_made_once() {
        let versions = OfferVersions::default();
        let first = versions.of(b"<offer/>");
        assert!(Arc::ptr_eq(&first, &versions.of(b"<offer/>")));
        assert_eq!(
            versions
                .0
                .iter()
                .filter(|place| place.get().is_some())
                .count(),
            1
        );
    }
}
