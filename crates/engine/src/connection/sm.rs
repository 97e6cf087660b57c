//! XEP-0198 acks on the wire. Resumption is not offered, so `<resume/>` finds nothing.

use std::{sync::Arc, time::Instant};

use stream::{C2s, StreamFault};
use xml::{Builder, Element, Fragment};

use super::bound::Bound;
use crate::{environment::random_bytes, server::Server, session::Acks};

/// The namespace of [XEP-0198](https://xmpp.org/extensions/xep-0198.html) 1.6.
pub(crate) const NS: &str = "urn:xmpp:sm:3";
/// Stanza errors inside `<failed/>`.
const CONDITIONS: &str = xml::ns::STANZA_ERRORS;

/// §2: what a client that signed in is offered. It may ask for it once a resource is bound.
pub(super) fn feature() -> Fragment {
    Builder::new("sm", NS).build()
}

/// What a client may say of stream management before it bound a resource: nothing that helps.
pub(super) fn before_binding(stream: &mut C2s, element: &Element<'_>) {
    if element.is("enable", NS) {
        stream.send_nonza(&failed("unexpected-request"));
    } else if element.is("resume", NS) {
        stream.send_nonza(&failed("item-not-found"));
    } else {
        stream.fault(&StreamFault::UnsupportedStanzaType);
    }
}

/// A first-level element of a bound stream that is no stanza.
///
/// # Errors
///
/// The fault that ends the stream.
pub(super) fn received(
    bound: &mut Bound,
    server: &Arc<Server>,
    stream: &mut C2s,
    element: &Element<'_>,
    now: Instant,
) -> Result<(), StreamFault> {
    if element.ns() != xml::Ns::Uri(NS) {
        return Err(StreamFault::UnsupportedStanzaType);
    }
    match element.name() {
        "enable" => enable(bound, server, stream),
        "resume" => stream.send_nonza(&failed("unexpected-request")),
        "r" => bound.ack_requested(now),
        "a" => {
            let h = element
                .attr("h")
                .and_then(|h| h.parse().ok())
                .ok_or(StreamFault::InvalidXml)?;
            bound.acked(server, h)?;
        }
        _ => return Err(StreamFault::UnsupportedStanzaType),
    }
    Ok(())
}

/// §3: acks without resumption are answered with `<enabled/>` that promises none.
fn enable(bound: &mut Bound, server: &Server, stream: &mut C2s) {
    let enabled = {
        let mut outbox = bound.session().outbox();
        let is_first = outbox.acks.is_none();
        if is_first {
            let id = u128::from_le_bytes(random_bytes(server.environment()));
            outbox.acks = Some(Box::new(Acks::new(mailbox::SessionId(id))));
        }
        is_first
    };
    if enabled {
        bound.session().turn_acks_on();
        stream.send_nonza(&Builder::new("enabled", NS).build());
    } else {
        stream.send_nonza(&failed("unexpected-request"));
    }
}

fn failed(condition: &str) -> Fragment {
    Builder::new("failed", NS)
        .child(Builder::new(condition, CONDITIONS))
        .build()
}

/// `<a h='…'/>`.
pub(super) fn answer(h: u32) -> Fragment {
    Builder::new("a", NS).attr("h", h.to_string()).build()
}

/// `<r/>`.
pub(super) fn request() -> Fragment {
    Builder::new("r", NS).build()
}
