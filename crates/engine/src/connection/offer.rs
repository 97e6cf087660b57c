//! What a client is offered before it has signed in.

use jid::BareJid;
use sasl::Mechanism;
use stream::{HostPolicy, Opening, StreamFault};

use super::{Connection, Phase};
use crate::{
    host::{Authentication, Host},
    module::{AtStream, SignInOffer},
};

impl Connection {
    pub(super) fn opening(&mut self, opening: &Opening) {
        let Some(host) = self.server.host(opening.host.as_str()) else {
            return self
                .stream
                .fault(&StreamFault::HostUnknown(opening.host.clone()));
        };
        // Who belongs elsewhere does not sign in here, XEP-0388 §Mechanism negotiation.
        let is_elsewhere = |from: &BareJid| from.domain() != host.domain().as_str();
        if opening.from.as_ref().is_some_and(is_elsewhere) {
            return self.stream.fault(&StreamFault::InvalidFrom);
        }
        let Phase::Negotiating(negotiation) = &mut self.phase else {
            return;
        };
        match &negotiation.host {
            Some(before) if before.domain() != host.domain() => {
                return self.stream.fault(&StreamFault::HostChanged);
            }
            Some(_) => {}
            None => {
                if !host.open_stream(self.server.limits().streams_per_host_max) {
                    return self.stream.fault(&StreamFault::ResourceConstraint(
                        "streams for this host; see limits.streams_per_host_max",
                    ));
                }
                negotiation.host = Some(host.clone());
            }
        }
        negotiation.claimed.clone_from(&opening.from);
        let mut policy = HostPolicy {
            mechanisms: mechanisms(&host, !negotiation.tls.xmpp_addresses.is_empty()),
            can_start_tls: self.settings.can_start_tls,
            requires_tls: self.settings.requires_tls,
            // What comes before TLS comes to nothing where TLS is required, RFC 6120 §5.3.1.
            features: match self.settings.requires_tls && !negotiation.is_secure {
                true => Vec::new(),
                false => host.stream_features(AtStream::BeforeSignIn),
            },
            inline: Vec::new(),
            authentication: Vec::new(),
            versions: host.offer_versions().clone(),
        };
        if negotiation.is_secure {
            let offer = SignInOffer {
                host: &host,
                bindings: &negotiation.tls.bindings,
                claimed: opening.from.as_ref(),
                takes_early_data: negotiation.tls.takes_early_data,
            };
            policy.inline.extend_from_slice(host.sign_in_inline());
            for feature in host.sign_in() {
                policy.mechanisms.extend(feature.mechanisms(offer));
                policy.inline.extend(feature.inline(offer));
                policy.authentication.extend(feature.authentication(offer));
            }
        }
        self.stream.open(policy);
    }
}

/// What a host offers to a client, strongest first.
fn mechanisms(host: &Host, has_certificate: bool) -> Vec<Mechanism> {
    let facts = host.facts();
    match facts.authentication {
        Authentication::Anonymous => vec![Mechanism::Anonymous],
        Authentication::Accounts => Mechanism::ALL
            .into_iter()
            .filter(|mechanism| match mechanism {
                Mechanism::Anonymous => false,
                Mechanism::External => has_certificate,
                Mechanism::Plain => true,
                scram => scram
                    .hash()
                    .is_some_and(|hash| facts.scram_hashes.contains(&hash)),
            })
            .collect(),
    }
}
