//! After SASL: the account is known, the resource is not. The client opens its stream anew and binds,
//! [RFC 6120 §7](https://www.rfc-editor.org/rfc/rfc6120#section-7), or resumes a session.

use std::sync::Arc;

use jid::{BareJid, Domain, FullJid, Jid};
use stanza::{IqType, Kind, Stanza, StanzaError};
use xml::{Builder, Element, Fragment, Framing, ns};

use super::bound::Bound;
use super::features;
use crate::header::{BadHeader, Header};
use crate::wire::Wire;
use crate::{C2sSettings, Event, StreamFault, StreamId};

/// A stream of an account that has no resource yet.
#[derive(Debug)]
pub(crate) struct Authenticated {
    jid: BareJid,
    host: Domain,
    /// The `from` of the header, for the `to` of ours.
    claimed: Option<BareJid>,
    id: StreamId,
    lang: Option<Arc<str>>,
    /// Whether our header was sent, behind which other things may be.
    has_header: bool,
    step: Step,
}

/// How far the client is with its resource.
#[derive(Debug)]
enum Step {
    /// The header after authentication is awaited.
    Restarted,
    /// Signed in on the same stream: the caller is to be asked for features.
    Accepted,
    /// The caller's features are awaited.
    Reopened,
    /// A request to bind is awaited.
    Unbound,
    /// The caller's resource is awaited, for the request with this id.
    Binding { id: Box<str> },
}

impl Authenticated {
    pub(crate) fn new(
        jid: BareJid,
        host: Domain,
        claimed: Option<BareJid>,
        id: StreamId,
        lang: Option<Arc<str>>,
    ) -> Self {
        Self {
            jid,
            host,
            claimed,
            id,
            lang,
            has_header: false,
            step: Step::Restarted,
        }
    }

    /// After SASL2, which opens no other stream.
    pub(crate) fn on_the_same_stream(
        jid: BareJid,
        host: Domain,
        id: StreamId,
        lang: Option<Arc<str>>,
    ) -> Self {
        Self {
            has_header: true,
            step: Step::Accepted,
            ..Self::new(jid, host, None, id, lang)
        }
    }

    /// A question that came up and was not put yet.
    pub(crate) fn due(&mut self) -> Option<Event<'static>> {
        if !matches!(self.step, Step::Accepted) {
            return None;
        }
        self.step = Step::Reopened;
        Some(Event::Reopened)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(
            self.step,
            Step::Accepted | Step::Reopened | Step::Binding { .. }
        )
    }

    /// Takes the header after authentication. It names the same host, and nobody else,
    /// [RFC 6120 §4.7.1](https://www.rfc-editor.org/rfc/rfc6120#section-4.7.1).
    pub(crate) fn header(
        &mut self,
        element: &Element<'_>,
        framing: Framing,
    ) -> Result<Event<'static>, StreamFault> {
        if !matches!(self.step, Step::Restarted) {
            return Err(StreamFault::BadFormat);
        }
        let header = Header::read(element, framing).map_err(|BadHeader { fault, .. }| fault)?;
        if header.host != self.host {
            return Err(StreamFault::HostChanged);
        }
        if header.from.as_ref().is_some_and(|from| *from != self.jid) {
            return Err(StreamFault::InvalidFrom);
        }
        self.claimed = header.from;
        self.lang = header.lang;
        self.step = Step::Reopened;
        Ok(Event::Reopened)
    }

    /// Whether our header was sent, behind which other things may be.
    pub(crate) fn has_header(&self) -> bool {
        self.has_header
    }

    /// Our header, unless it was sent.
    pub(crate) fn write_header(&self, wire: &mut Wire) {
        if !self.has_header {
            wire.header(self.id, Some(&self.host), self.claimed.as_ref());
        }
    }

    /// Answers the header: ours, and what an account can have.
    pub(crate) fn features(&mut self, added: &[Fragment], settings: &C2sSettings, wire: &mut Wire) {
        if !matches!(self.step, Step::Reopened) {
            return;
        }
        self.write_header(wire);
        self.has_header = true;
        features::after_authentication(added, settings, wire);
        self.step = Step::Unbound;
    }

    pub(crate) fn element<'a>(
        &mut self,
        element: Element<'a>,
        wire: &mut Wire,
    ) -> Result<Event<'a>, StreamFault> {
        if matches!(self.step, Step::Restarted) {
            return Err(StreamFault::InvalidNamespace);
        }
        if !Stanza::is_stanza(&element) {
            return Ok(Event::Nonza(element));
        }
        let stanza = match Stanza::accept(&element, self.lang.as_ref()) {
            Ok(stanza) => stanza,
            Err(rejected) if element.name() == "iq" => {
                if let Some(reply) = rejected.reply(&Jid::from(self.jid.clone())) {
                    wire.stanza(&reply);
                }
                return Ok(Event::Handled);
            }
            Err(_) => return Err(StreamFault::TooEarly),
        };
        self.stanza(&stanza)
    }

    /// Only a request to bind: [RFC 6120 §7.1](https://www.rfc-editor.org/rfc/rfc6120#section-7.1).
    fn stanza(&mut self, stanza: &Stanza) -> Result<Event<'static>, StreamFault> {
        let (Kind::Iq(IqType::Set), Some(id)) = (stanza.kind(), stanza.id()) else {
            return Err(StreamFault::TooEarly);
        };
        let Some(bind) = stanza.child("bind", ns::BIND) else {
            return Err(StreamFault::TooEarly);
        };
        let tree = bind.tree();
        let requested = tree.root().child_text("resource", ns::BIND);
        self.step = Step::Binding { id: id.into() };
        Ok(Event::Binding(
            requested
                .filter(|resource| !resource.is_empty())
                .map(|resource| resource.into_owned()),
        ))
    }

    /// The caller's resource: the request is answered, and what was only needed to get here is forgotten.
    /// Nothing when no request waits.
    pub(crate) fn bind(&mut self, jid: FullJid, wire: &mut Wire) -> Option<Bound> {
        let Step::Binding { id } = &self.step else {
            return None;
        };
        let bind = Builder::new("bind", ns::BIND)
            .child_text("jid", jid.as_str())
            .build();
        wire.stanza(&Stanza::iq(IqType::Result, id).with_child(bind));
        Some(Bound::new(jid, self.lang.take()))
    }

    /// The caller gives the resource without a request, because a session is resumed.
    pub(crate) fn resume(&mut self, jid: FullJid) -> Option<Bound> {
        matches!(self.step, Step::Unbound).then(|| Bound::new(jid, self.lang.take()))
    }

    /// The caller's no; the client may ask for another.
    pub(crate) fn refuse_bind(&mut self, error: &StanzaError, wire: &mut Wire) {
        if let Step::Binding { id } = &self.step {
            wire.stanza(&Stanza::iq(IqType::Error, id).with_child(error.to_fragment()));
            self.step = Step::Unbound;
        }
    }
}
