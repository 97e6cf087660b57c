//! Wire forms of [XEP-0191 §3](https://xmpp.org/extensions/xep-0191.html#usecases).

use std::collections::BTreeSet;

use engine::module::{Method, Payload};
use jid::Jid;
use stanza::{Condition, ErrorType, StanzaError};
use xml::{Builder, Element, Fragment};

use super::list::Blocked;

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:blocking";

/// The namespace of the error.
const NS_ERRORS: &str = "urn:xmpp:blocking:errors";

/// `<blocklist/>`: what is blocked?
pub(super) struct Get;

/// `<block/>` with at least one item.
pub(super) struct Block(pub(super) BTreeSet<Jid>);

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
        let items = items(block)?;
        match items.is_empty() {
            true => Err(StanzaError::new(Condition::BadRequest).with_text("an item is expected")),
            false => Ok(Self(items)),
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
    element
        .children()
        .filter(|child| child.is("item", NS))
        .map(|item| {
            let jid = item.attr("jid").ok_or(Condition::BadRequest)?;
            Jid::parse(&jid).map_err(|_| Condition::JidMalformed)
        })
        .collect::<Result<_, Condition>>()
        .map_err(StanzaError::new)
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
