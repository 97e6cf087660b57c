//! A stanza inside another, [XEP-0297] 1.0: what carbons, archives and rooms send.
//!
//! [XEP-0297]: https://xmpp.org/extensions/xep-0297.html

use xml::{Builder, Element, Fragment, Tree};

use crate::delay::{self, Delay};
use crate::{Condition, Stanza, StanzaError};

/// The namespace of `<forwarded/>`.
pub const NS: &str = "urn:xmpp:forward:0";

/// `<forwarded/>`.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// When the forwarding entity received the stanza.
    pub delay: Option<Delay>,
    /// The stanza.
    pub stanza: Stanza,
}

/// `<forwarded/>` around a stanza.
///
/// The stanza declares `jabber:client` whatever stream it came from and goes to: its readers are clients, and without
/// a declaration it would be in the namespace of `<forwarded/>` ([XEP-0297 §3.2], rule 3).
///
/// [XEP-0297 §3.2]: https://xmpp.org/extensions/xep-0297.html
#[must_use]
pub fn forwarded(stanza: &Stanza, delay: Option<&Delay>) -> Fragment {
    Builder::new("forwarded", NS)
        .child_opt(delay.map(Delay::to_fragment))
        .child(stanza.to_fragment(xml::ns::CLIENT))
        .build()
}

impl Forwarded {
    /// Reads `<forwarded/>`. The stanza inside may be in `jabber:client` or `jabber:server`.
    ///
    /// # Errors
    ///
    /// `bad-request` when there is no valid stanza inside, or a `<delay/>` that is none.
    pub fn parse(forwarded: &Element<'_>) -> Result<Self, StanzaError> {
        let delay = forwarded
            .child("delay", delay::NS)
            .map(|delay| Delay::parse(&delay))
            .transpose()?;
        let stanza = forwarded
            .children()
            .find_map(|child| inner(&child))
            .ok_or(Condition::BadRequest)?;
        Ok(Self { delay, stanza })
    }

    /// `<forwarded/>`.
    #[must_use]
    pub fn to_fragment(&self) -> Fragment {
        forwarded(&self.stanza, self.delay.as_ref())
    }
}

/// The stanza of a child in a content namespace that is written out.
fn inner(child: &Element<'_>) -> Option<Stanza> {
    let content_ns = [xml::ns::CLIENT, xml::ns::SERVER]
        .into_iter()
        .find(|ns| child.ns() == *ns)?;
    let tree = Tree::parse_content(Fragment::from(*child).bytes(), content_ns).ok()?;
    Stanza::accept(&tree.root(), None).ok()
}
