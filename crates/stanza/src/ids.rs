//! Ids of messages that stay the same, [XEP-0359] 0.7.0: `<stanza-id/>` by an archive or room, `<origin-id/>` by
//! the sender.
//!
//! [XEP-0359]: https://xmpp.org/extensions/xep-0359.html

use jid::Jid;
use xml::{Builder, Fragment};

use crate::Stanza;

/// The namespace of both elements.
pub const NS: &str = "urn:xmpp:sid:0";

/// `<stanza-id/>` of an id that `by` (an account or a room) gave.
#[must_use]
pub fn stanza_id(id: &str, by: &str) -> Fragment {
    Builder::new("stanza-id", NS)
        .attr("id", id)
        .attr("by", by)
        .build()
}

/// The id that `by` gave to a stanza.
#[must_use]
pub fn stanza_id_by(stanza: &Stanza, by: &Jid) -> Option<String> {
    stanza
        .children()
        .filter(|child| child.is("stanza-id", NS))
        .find_map(|child| {
            let tree = child.tree();
            let root = tree.root();
            is_by(root.attr("by").as_deref(), by.as_str())
                .then(|| root.attr("id").map(|id| id.into_owned()))
                .flatten()
        })
}

/// Removes every `<stanza-id/>` that claims to be by an address that we speak for: only we may give those
/// ([§3](https://xmpp.org/extensions/xep-0359.html#rules), rule 2). Others stay.
///
/// `by` is compared as a prepared address, so that a differently written one is recognised. Costs nothing for a
/// stanza without such children.
pub fn strip_stanza_ids(stanza: &mut Stanza, by: &str) {
    if stanza.has("stanza-id", NS) {
        stanza.retain_children(|child| {
            !(child.is("stanza-id", NS) && is_by(child.tree().root().attr("by").as_deref(), by))
        });
    }
}

/// The id that the sender gave.
#[must_use]
pub fn origin_id(stanza: &Stanza) -> Option<String> {
    let tree = stanza.child("origin-id", NS)?.tree();
    Some(tree.root().attr("id")?.into_owned())
}

fn is_by(claimed: Option<&str>, by: &str) -> bool {
    claimed.is_some_and(|claimed| {
        claimed == by || Jid::parse(claimed).is_ok_and(|claimed| claimed.as_str() == by)
    })
}
