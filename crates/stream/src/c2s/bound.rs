//! After binding: stanzas. A stream spends its life here, so it holds little.

use std::sync::Arc;

use jid::{FullJid, Jid};
use stanza::{Condition, IqType, Kind, RejectReason, Stanza, StanzaError};
use xml::{Element, ns};

use crate::{Event, StreamFault};

/// A stream with a full JID.
#[derive(Debug)]
pub(crate) struct Bound {
    jid: FullJid,
    lang: Option<Arc<str>>,
}

impl Bound {
    pub(crate) fn new(jid: FullJid, lang: Option<Arc<str>>) -> Self {
        Self { jid, lang }
    }

    pub(crate) fn jid(&self) -> &FullJid {
        &self.jid
    }

    pub(crate) fn lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    pub(crate) fn element<'a>(&self, element: Element<'a>) -> Result<Event<'a>, StreamFault> {
        if !Stanza::is_stanza(&element) {
            return Ok(Event::Nonza(element));
        }
        match Stanza::accept(&element, self.lang.as_ref()) {
            Ok(stanza) => Ok(self
                .own_answer(&stanza)
                .map_or(Event::Stanza(stanza), Event::Reply)),
            // What is no address is not its own, RFC 6120 §8.1.2.1.
            Err(rejected) if matches!(rejected.reason, RejectReason::FromMalformed(_)) => {
                Err(StreamFault::InvalidFrom)
            }
            Err(rejected) => Ok(Event::Rejected(rejected)),
        }
    }

    /// The answer to a second request to bind ([RFC 6120 §7.7.2](https://www.rfc-editor.org/rfc/rfc6120#section-7.7.2)
    /// would allow more resources; we don't), and to the session request of RFC 3921, which means nothing any more.
    fn own_answer(&self, stanza: &Stanza) -> Option<Stanza> {
        if stanza.kind() != Kind::Iq(IqType::Set) || !self.concerns_us(stanza) {
            return None;
        }
        let payload = stanza.payload()?;
        let mut answer = if payload.is("session", ns::SESSION) {
            Stanza::iq(IqType::Result, stanza.id()?)
        } else if payload.is("bind", ns::BIND) {
            let error = StanzaError::new(Condition::NotAllowed).to_fragment();
            Stanza::iq(IqType::Error, stanza.id()?).with_child(error)
        } else {
            return None;
        };
        answer.set_from(stanza.to().cloned());
        answer.set_to(Some(self.jid.clone().into()));
        Some(answer)
    }

    /// Whether the stanza is for the own account or its host, and claims to be from nobody else.
    fn concerns_us(&self, stanza: &Stanza) -> bool {
        let is_ours =
            |to: &Jid| to.as_str() == self.jid.bare_str() || to.as_str() == self.jid.domain();
        let is_own =
            |from: &Jid| from.as_str() == self.jid.as_str() || from.as_str() == self.jid.bare_str();
        stanza.to().is_none_or(is_ours) && stanza.from().is_none_or(is_own)
    }
}
