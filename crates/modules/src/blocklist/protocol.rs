//! Wire forms of [XEP-0191 §3](https://xmpp.org/extensions/xep-0191.html#usecases).

use std::collections::BTreeSet;

use engine::module::{Method, Payload};
use jid::Jid;
use stanza::{Condition, ErrorType, StanzaError};
use xml::{Builder, Element, Fragment, Ns};

use super::list::Blocked;

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:blocking";

/// The namespace of the error.
const NS_ERRORS: &str = "urn:xmpp:blocking:errors";

/// `<blocklist/>`: what is blocked?
pub(super) struct Get;

/// `<block/>` with at least one item.
pub(super) struct Block {
    pub(super) items: BTreeSet<Jid>,
    /// What other features may make of what stands in an item.
    pub(super) said: Vec<(Jid, Vec<Fragment>)>,
}

/// `<unblock/>`; without items, everybody.
pub(super) struct Unblock(pub(super) BTreeSet<Jid>);

impl Payload for Get {
    const ELEMENT: &'static str = "blocklist";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl Payload for Block {
    const ELEMENT: &'static str = "block";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(block: &Element<'_>) -> Result<Self, StanzaError> {
        let mut said = Vec::new();
        for (jid, item) in each_item(block) {
            let children = item.children().filter(|child| child.ns() != Ns::Uri(NS));
            said.push((jid?, children.map(Fragment::from).collect()));
        }
        let items: BTreeSet<Jid> = said.iter().map(|(jid, _)| jid.clone()).collect();
        match items.is_empty() {
            true => Err(StanzaError::new(Condition::BadRequest).with_text("an item is expected")),
            false => Ok(Self { items, said }),
        }
    }
}

impl Payload for Unblock {
    const ELEMENT: &'static str = "unblock";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(unblock: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self(items(unblock)?))
    }
}

fn items(element: &Element<'_>) -> Result<BTreeSet<Jid>, StanzaError> {
    each_item(element).map(|(jid, _)| jid).collect()
}

/// The items, each with its address, or what is wrong with that.
fn each_item<'a>(
    element: &Element<'a>,
) -> impl Iterator<Item = (Result<Jid, StanzaError>, Element<'a>)> {
    let items = element.children().filter(|child| child.is("item", NS));
    items.map(|item| (address(&item).map_err(StanzaError::new), item))
}

fn address(item: &Element<'_>) -> Result<Jid, Condition> {
    let jid = item.attr("jid").ok_or(Condition::BadRequest)?;
    Jid::parse(&jid).map_err(|_| Condition::JidMalformed)
}

/// The whole list.
pub(super) fn list(blocked: Option<&Blocked>) -> Fragment {
    element("blocklist", blocked.into_iter().flat_map(Blocked::iter))
}

/// These were blocked.
pub(super) fn block(items: &BTreeSet<Jid>) -> Fragment {
    element("block", items)
}

/// These were unblocked.
pub(super) fn unblock(items: &BTreeSet<Jid>) -> Fragment {
    element("unblock", items)
}

fn element<'j>(name: &str, items: impl IntoIterator<Item = &'j Jid>) -> Fragment {
    let items = items
        .into_iter()
        .map(|jid| Builder::new("item", NS).attr("jid", jid.as_str()));
    Builder::new(name, NS).children(items).build()
}

/// What a user gets who sends to somebody the same user blocked.
pub(super) fn blocked() -> StanzaError {
    StanzaError::new(Condition::NotAcceptable)
        .with_type(ErrorType::Cancel)
        .with_application(Builder::new("blocked", NS_ERRORS).build())
}
