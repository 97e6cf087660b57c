//! Before the header: nothing is known of the peer but that it connected. A stream comes back here after STARTTLS,
//! with the host it had named.

use std::time::Instant;

use jid::Domain;
use xml::{Element, Framing};

use crate::header::{BadHeader, Header};
use crate::wire::Wire;
use crate::{Channel, Event, Opening, StreamFault, StreamId};

/// A connection whose header has not come, or is not answered.
#[derive(Debug)]
pub(crate) struct Connecting {
    id: StreamId,
    since: Instant,
    failures: u8,
    /// What secures it; nothing on plaintext.
    tls: Option<Channel>,
    /// The host of the stream before STARTTLS.
    bound_to: Option<Domain>,
    header: Option<Header>,
    /// The host that a header named which cannot be answered otherwise.
    bad_host: Option<Domain>,
}

/// What `Connecting` hands on to `Opened`.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) id: StreamId,
    pub(crate) since: Instant,
    pub(crate) failures: u8,
    pub(crate) tls: Option<Channel>,
    pub(crate) header: Header,
}

impl Connecting {
    pub(crate) fn new(id: StreamId, since: Instant) -> Self {
        Self {
            id,
            since,
            failures: 0,
            tls: None,
            bound_to: None,
            header: None,
            bad_host: None,
        }
    }

    /// The same connection after STARTTLS.
    pub(crate) fn again(
        id: StreamId,
        since: Instant,
        failures: u8,
        host: Domain,
        tls: Channel,
    ) -> Self {
        Self {
            failures,
            tls: Some(tls),
            bound_to: Some(host),
            ..Self::new(id.next(), since)
        }
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.header.is_some()
    }

    /// TLS from the first byte on.
    pub(crate) fn secure(&mut self, tls: Channel) {
        self.tls = Some(tls);
    }

    /// Takes the header and asks for the host's policy.
    pub(crate) fn header(
        &mut self,
        element: &Element<'_>,
        framing: Framing,
    ) -> Result<Event<'static>, StreamFault> {
        let header = match Header::read(element, framing) {
            Ok(header) => header,
            Err(BadHeader { fault, host }) => {
                self.bad_host = host;
                return Err(fault);
            }
        };
        if self
            .bound_to
            .as_ref()
            .is_some_and(|host| *host != header.host)
        {
            self.bad_host = self.bound_to.take();
            return Err(StreamFault::HostChanged);
        }
        let opening = Opening {
            host: header.host.clone(),
            from: header.from.clone(),
            is_secure: self.tls.is_some(),
        };
        self.header = Some(header);
        Ok(Event::Opening(opening))
    }

    /// Our header, which goes before any error, [RFC 6120 §4.9.1.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.1.2).
    pub(crate) fn write_header(&self, wire: &mut Wire) {
        let header = self.header.as_ref();
        let host = header.map(|header| &header.host).or(self.bad_host.as_ref());
        wire.header(
            self.id,
            host,
            header.and_then(|header| header.from.as_ref()),
        );
    }

    /// What is known once the header is answered.
    pub(crate) fn start(&mut self) -> Option<Start> {
        Some(Start {
            id: self.id,
            since: self.since,
            failures: self.failures,
            tls: self.tls.take(),
            header: self.header.take()?,
        })
    }
}
