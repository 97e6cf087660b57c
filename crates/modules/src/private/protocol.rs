//! Wire forms of [XEP-0049 §2](https://xmpp.org/extensions/xep-0049.html).

use std::collections::BTreeMap;

use engine::module::{Method, Payload};
use stanza::{Condition, StanzaError};
use xml::{Builder, Element, Fragment, Ns};

/// The namespace.
pub(super) const NS: &str = "jabber:iq:private";

/// What an element is kept under: its namespace and its name.
pub(super) type Name = (String, String);

/// A request for the one element of a name.
pub(super) struct Get {
    /// Which.
    pub(super) name: Name,
    /// What is said where nothing is kept.
    pub(super) empty: Fragment,
}

/// Elements to be kept; `None` for those to be forgotten.
pub(super) struct Set(pub(super) BTreeMap<Name, Option<Fragment>>);

impl Payload for Get {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        let mut children = query.children();
        let element = children
            .next()
            .ok_or_else(|| StanzaError::new(Condition::BadRequest))?;
        if children.next().is_some() {
            return Err(not_acceptable("one element is asked for at a time"));
        }
        let name = name(&element)?;
        let empty = Builder::new(&name.1, &name.0).build();
        Ok(Self { name, empty })
    }
}

impl Payload for Set {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        let mut elements = BTreeMap::new();
        for element in query.children() {
            let kept = (!is_empty(&element)).then(|| detached(&element)).flatten();
            if elements.insert(name(&element)?, kept).is_some() {
                return Err(not_acceptable("two elements have the same name"));
            }
        }
        match elements.is_empty() {
            true => Err(not_acceptable("an element is expected")),
            false => Ok(Self(elements)),
        }
    }
}

/// Each element needs a namespace of its own.
fn name(element: &Element<'_>) -> Result<Name, StanzaError> {
    match element.ns() {
        Ns::Uri(ns) if ns != NS => Ok((ns.to_owned(), element.name().to_owned())),
        Ns::Uri(_) | Ns::Content => Err(not_acceptable("the element has no namespace of its own")),
    }
}

/// Whether it says no more than its name.
fn is_empty(element: &Element<'_>) -> bool {
    element.children().next().is_none()
        && element.text().is_empty()
        && element.attrs().next().is_none()
}

fn detached(element: &Element<'_>) -> Option<Fragment> {
    let mut bytes = Vec::new();
    element.write_detached(&mut bytes);
    Fragment::parse(std::str::from_utf8(&bytes).ok()?).ok()
}

/// The answer.
pub(super) fn query(element: Fragment) -> Fragment {
    Builder::new("query", NS).child(element).build()
}

fn not_acceptable(text: &str) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text(text)
}
