//! Wire forms of [XEP-0030](https://xmpp.org/extensions/xep-0030.html): two queries and their answers.

use engine::{
    Identity, Item,
    module::{Method, Payload},
};
use stanza::{StanzaError, form::Form};
use xml::{Builder, Element, Fragment};

/// The namespace of what an entity is and offers.
pub(super) const NS_INFO: &str = "http://jabber.org/protocol/disco#info";

/// The namespace of what belongs to an entity.
pub(super) const NS_ITEMS: &str = "http://jabber.org/protocol/disco#items";

/// `<query/>` for information.
pub(super) struct InfoQuery {
    /// Which node of the entity.
    pub(super) node: Option<String>,
}

/// `<query/>` for items.
pub(super) struct ItemsQuery {
    /// Which node of the entity.
    pub(super) node: Option<String>,
}

impl Payload for InfoQuery {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS_INFO;
    const METHOD: Method = Method::Get;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self { node: node(query) })
    }
}

impl Payload for ItemsQuery {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS_ITEMS;
    const METHOD: Method = Method::Get;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self { node: node(query) })
    }
}

/// The node; an empty one is none.
fn node(query: &Element<'_>) -> Option<String> {
    query
        .attr("node")
        .filter(|node| !node.is_empty())
        .map(|node| node.into_owned())
}

/// What an entity is and offers.
#[derive(Clone, Debug)]
pub(super) struct Info {
    pub(super) identities: Vec<Identity>,
    /// Sorted, none twice.
    pub(super) features: Vec<&'static str>,
    /// Data sets, by their type.
    pub(super) forms: Vec<Form>,
}

impl Info {
    /// `<query/>` with the node that was asked for.
    pub(super) fn to_fragment(&self, node: Option<String>) -> Fragment {
        let identities = self.identities.iter().map(|identity| {
            Builder::new("identity", NS_INFO)
                .attr("category", identity.category)
                .attr("type", identity.kind)
                .attr_opt("name", identity.name)
        });
        let features = self
            .features
            .iter()
            .map(|feature| Builder::new("feature", NS_INFO).attr("var", feature));
        Builder::new("query", NS_INFO)
            .attr_opt("node", node)
            .children(identities)
            .children(features)
            .children(self.forms.iter().map(Form::to_fragment))
            .build()
    }
}

/// What belongs to an entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Items(pub(super) Vec<Item>);

impl Items {
    /// `<query/>` with the node that was asked for.
    pub(super) fn to_fragment(&self, node: Option<String>) -> Fragment {
        let items = self.0.iter().map(|item| {
            Builder::new("item", NS_ITEMS)
                .attr("jid", item.jid.as_str())
                .attr_opt("node", item.node.as_ref())
                .attr_opt("name", item.name.as_ref())
        });
        Builder::new("query", NS_ITEMS)
            .attr_opt("node", node)
            .children(items)
            .build()
    }
}
