//! # Service Discovery and Entity Capabilities
//!
//! Says what the host and its accounts are and what they offer: the facts that features declared. The
//! host's answer has a hash, shown in the stream's features, so that clients ask once per version of
//! the server and not at every sign-in.
//!
//! Spec: [XEP-0030](https://xmpp.org/extensions/xep-0030.html) 2.5.0,
//! [XEP-0128](https://xmpp.org/extensions/xep-0128.html) 1.0.1,
//! [XEP-0115](https://xmpp.org/extensions/xep-0115.html) 1.6.0 for the server itself. What clients
//! advertise in their presence is passed through as it is.
//!
//! `protocol.rs` holds the wire forms, `capabilities.rs` the hash, `tests/` the transcripts.

mod capabilities;
mod protocol;
#[cfg(test)]
mod sample;

use std::sync::OnceLock;

use engine::{
    Authentication, Host, HostFacts, Identity, Node,
    module::{
        Answer, AnswerIq, AtStream, ConfigError, IqContext, Module, NoConfig, ServiceParts, Spec,
        To, Wiring,
    },
};
use protocol::{Info, InfoQuery, Items, ItemsQuery};
use stanza::{Condition, StanzaError};
use xml::Fragment;

/// The feature.
pub struct ServiceDiscovery {
    accounts: Authentication,
    /// The hash of what the host says; a host never changes what it says.
    ver: OnceLock<String>,
}

/// Whom the asker wants to know of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Entity {
    Host,
    Account,
    /// An account the asker has no right to know of, or one that is not there.
    Hidden,
}

impl Module for ServiceDiscovery {
    const NAME: &'static str = "disco";
    const SPECS: &'static [Spec] = &[
        Spec::new("XEP-0030", "2.5.0"),
        Spec::new("XEP-0115", "1.6.0").except("caps optimization"),
        Spec::new("XEP-0128", "1.0.1"),
    ];
    type Config = NoConfig;

    fn new(_: NoConfig, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            accounts: host.authentication,
            ver: OnceLock::new(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS_INFO)
            .disco_feature(protocol::NS_ITEMS)
            .disco_feature(capabilities::NS)
            .disco_account_feature(protocol::NS_INFO)
            .disco_account_feature(protocol::NS_ITEMS)
            .stream_feature(AtStream::AfterSignIn, Self::stream_feature)
            .iq::<InfoQuery>(To::Host)
            .iq::<InfoQuery>(To::OwnAccount)
            .iq::<InfoQuery>(To::OtherAccount)
            .iq::<InfoQuery>(To::Service)
            .iq::<ItemsQuery>(To::Host)
            .iq::<ItemsQuery>(To::OwnAccount)
            .iq::<ItemsQuery>(To::OtherAccount)
            .iq::<ItemsQuery>(To::Service);
    }
}

/// Identity, features and data sets, [§3](https://xmpp.org/extensions/xep-0030.html#info).
impl AnswerIq<InfoQuery> for ServiceDiscovery {
    fn answer_iq(&self, query: InfoQuery, cx: &mut IqContext<'_>) -> Answer {
        if let Some(service) = cx.service() {
            known_at_service(&query.node, cx)?;
            return Ok(Some(service_info(service).to_fragment(None)));
        }
        match entity(cx) {
            Entity::Hidden => Err(StanzaError::new(Condition::ServiceUnavailable)),
            Entity::Host => {
                let info = match &query.node {
                    Some(node) if *node != self.node(cx.host()) => node_info(node, cx)?,
                    Some(_) | None => host_info(cx.host()),
                };
                Ok(Some(info.to_fragment(query.node)))
            }
            Entity::Account => {
                // XEP-0030 §3.2: an account has no nodes of its own.
                if query.node.is_some() {
                    return Err(StanzaError::new(Condition::ItemNotFound));
                }
                Ok(Some(self.account_info(cx.host()).to_fragment(None)))
            }
        }
    }
}

/// What belongs to the host, [§4](https://xmpp.org/extensions/xep-0030.html#items). An account shows no
/// items: its resources are seen by presence.
impl AnswerIq<ItemsQuery> for ServiceDiscovery {
    fn answer_iq(&self, query: ItemsQuery, cx: &mut IqContext<'_>) -> Answer {
        if let Some(service) = cx.service() {
            known_at_service(&query.node, cx)?;
            let items = Items(service.disco().host_items().to_vec());
            return Ok(Some(items.to_fragment(None)));
        }
        let items = match (entity(cx), &query.node) {
            // An account that is hidden answers as one that has nothing to show, [§8] rule 2.
            //
            // [§8]: https://xmpp.org/extensions/xep-0030.html#security
            (Entity::Hidden, _) | (Entity::Account, None) => Items::default(),
            (Entity::Account, Some(_)) => return Err(StanzaError::new(Condition::ItemNotFound)),
            (Entity::Host, Some(node)) => Items(known_node(node, cx)?.items),
            (Entity::Host, None) => Items(cx.host().disco().host_items().to_vec()),
        };
        Ok(Some(items.to_fragment(query.node)))
    }
}

impl ServiceDiscovery {
    /// `<c/>` among the stream's features, [XEP-0115 §6.3](https://xmpp.org/extensions/xep-0115.html#stream).
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the signature of a stream feature"
    )]
    fn stream_feature(&self, host: &Host) -> Option<Fragment> {
        Some(capabilities::element(self.ver(host)))
    }

    fn ver(&self, host: &Host) -> &str {
        self.ver
            .get_or_init(|| capabilities::hash(&host_info(host)))
    }

    /// The node that stands for the host's present capabilities.
    fn node(&self, host: &Host) -> String {
        format!("{}#{}", capabilities::NODE, self.ver(host))
    }

    fn account_info(&self, host: &Host) -> Info {
        let kind = match self.accounts {
            Authentication::Accounts => "registered",
            Authentication::Anonymous => "anonymous",
        };
        Info {
            identities: vec![Identity {
                category: "account",
                kind,
                name: None,
            }],
            features: host.disco().account_features().collect(),
            forms: Vec::new(),
        }
    }
}

fn host_info(host: &Host) -> Info {
    Info {
        identities: vec![Identity {
            category: "server",
            kind: "im",
            name: Some("Couplet"),
        }],
        features: host.disco().host_features().collect(),
        forms: host.disco().host_forms().to_vec(),
    }
}

/// A node that some feature answers for.
fn known_node(node: &str, cx: &IqContext<'_>) -> Result<Node, StanzaError> {
    cx.host()
        .disco_node(node, cx)
        .unwrap_or_else(|| Err(StanzaError::new(Condition::ItemNotFound)))
}

fn node_info(node: &str, cx: &IqContext<'_>) -> Result<Info, StanzaError> {
    let node = known_node(node, cx)?;
    Ok(Info {
        identities: node.identities,
        features: node.features,
        forms: Vec::new(),
    })
}

/// What a service says of itself: what its feature declared, and that it can be asked.
fn service_info(service: &ServiceParts) -> Info {
    let mut features: Vec<_> = service.disco().host_features().collect();
    features.extend([protocol::NS_INFO, protocol::NS_ITEMS]);
    features.sort_unstable();
    features.dedup();
    Info {
        identities: vec![*service.identity()],
        features,
        forms: service.disco().host_forms().to_vec(),
    }
}

/// A service is answered for as a whole: its nodes and addresses are its feature's to answer for.
fn known_at_service(node: &Option<String>, cx: &IqContext<'_>) -> Result<(), StanzaError> {
    let is_whole = cx.stanza().to().is_some_and(|to| to.local().is_none());
    match is_whole && node.is_none() {
        true => Ok(()),
        false => Err(StanzaError::new(Condition::ItemNotFound)),
    }
}

/// An account is seen by itself and by those who may see its presence, [§8] rule 1.
///
/// [§8]: https://xmpp.org/extensions/xep-0030.html#security
fn entity(cx: &mut IqContext<'_>) -> Entity {
    if cx.asked() == To::Host {
        return Entity::Host;
    }
    let asker = cx.from().bare();
    let Some((account, _)) = cx.account() else {
        return Entity::Hidden;
    };
    let may_see = asker == *account.jid()
        || account
            .contacts()
            .standing(&asker)
            .state
            .is_seen_by_contact();
    match may_see {
        true => Entity::Account,
        false => Entity::Hidden,
    }
}
