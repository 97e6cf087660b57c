//! Any valid address.

use std::sync::Arc;

use crate::split::{self, Prepared};
use crate::text::{compares_as_text, part};
use crate::{BareJid, Domain, FullJid, JidError, Strict};

/// Any valid address, prepared: `local@domain/resource`, of which only the domain must be there.
#[derive(Clone)]
pub struct Jid {
    /// May go on around the address: a bare JID shares the text of the full JID it was taken from, or of a
    /// list.
    text: Arc<str>,
    start: u16,
    /// Position of `@`; that of the start without a local part.
    at: u16,
    /// End of the domain.
    slash: u16,
    /// End of the address; equal to `slash` without a resource.
    end: u16,
}

compares_as_text!(Jid);

impl Jid {
    /// Reads an address as it comes from the wire: code points that Unicode 3.2 does not assign, emoji
    /// among them, are let through.
    ///
    /// # Errors
    ///
    /// Any [`JidError`] but the three that speak of a form (`HasResource`, `NoResource`, `HasLocal`).
    pub fn parse(text: &str) -> Result<Self, JidError> {
        split::prepare(text, Strict::No).map(Self::from_prepared)
    }

    /// Reads an address that is about to be created here, refusing unassigned code points.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse`], and [`JidError::Unassigned`].
    pub fn parse_strict(text: &str) -> Result<Self, JidError> {
        split::prepare(text, Strict::Yes).map(Self::from_prepared)
    }

    /// Puts an address together from parts, each of which is prepared as in [`Jid::parse`]. Unlike there,
    /// a `/` or `@` inside a part is never taken for a separator.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse`].
    pub fn from_parts(
        local: Option<&str>,
        domain: &str,
        resource: Option<&str>,
    ) -> Result<Self, JidError> {
        split::assemble(None, local, domain, resource, Strict::No).map(Self::from_prepared)
    }

    fn from_prepared(prepared: Prepared) -> Self {
        let end = split::offset(prepared.text.len());
        Self {
            text: prepared.text,
            start: 0,
            at: prepared.at,
            slash: prepared.slash,
            end,
        }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        part(&self.text, self.start, self.end)
    }

    /// The whole address as a text that can be kept: its own, unless that goes on around it.
    pub fn to_text(&self) -> Arc<str> {
        match self.text.len() == usize::from(self.end - self.start) {
            true => Arc::clone(&self.text),
            false => self.as_str().into(),
        }
    }

    /// The part before `@`.
    pub fn local(&self) -> Option<&str> {
        (self.at > self.start).then(|| part(&self.text, self.start, self.at))
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        part(&self.text, domain_start(self.start, self.at), self.slash)
    }

    /// The part after `/`.
    pub fn resource(&self) -> Option<&str> {
        self.is_full()
            .then(|| part(&self.text, self.slash + 1, self.end))
    }

    /// Whether there is a resource.
    pub fn is_full(&self) -> bool {
        self.end > self.slash
    }

    /// Whether there is neither a local part nor a resource.
    pub fn is_domain(&self) -> bool {
        self.at == self.start && !self.is_full()
    }

    /// The address without its resource, sharing this one's text.
    pub fn bare(&self) -> BareJid {
        BareJid::from_checked(Arc::clone(&self.text), self.start, self.at, self.slash)
    }

    /// The text of the address without its resource, for look-ups.
    pub fn bare_str(&self) -> &str {
        part(&self.text, self.start, self.slash)
    }

    /// The domain, sharing this address's text.
    pub fn to_domain(&self) -> Domain {
        Domain::from_checked(
            Arc::clone(&self.text),
            domain_start(self.start, self.at),
            self.slash,
        )
    }

    /// This address as a full JID, if it has a resource.
    pub fn as_full(&self) -> Option<FullJid> {
        self.clone().into_full()
    }

    /// Turns this address into a full JID, if it has a resource.
    pub fn into_full(self) -> Option<FullJid> {
        self.is_full()
            .then(|| FullJid::from_checked(self.text, self.at, self.slash))
    }

    /// Turns this address into a bare JID, if it has no resource.
    pub fn into_bare(self) -> Option<BareJid> {
        (!self.is_full()).then(|| BareJid::from_checked(self.text, self.start, self.at, self.slash))
    }
}

/// Where the domain begins, given the start of the address and the position of `@` (the start for none).
pub(crate) fn domain_start(start: u16, at: u16) -> u16 {
    if at == start { start } else { at + 1 }
}

impl From<FullJid> for Jid {
    fn from(full: FullJid) -> Self {
        let (text, at, slash) = full.into_checked();
        let end = split::offset(text.len());
        Self {
            text,
            start: 0,
            at,
            slash,
            end,
        }
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Self {
        let (text, start, at, end) = bare.into_checked();
        Self {
            text,
            start,
            at,
            slash: end,
            end,
        }
    }
}

impl From<Domain> for Jid {
    fn from(domain: Domain) -> Self {
        BareJid::from(domain).into()
    }
}

impl From<&FullJid> for Jid {
    fn from(full: &FullJid) -> Self {
        full.clone().into()
    }
}

impl From<&BareJid> for Jid {
    fn from(bare: &BareJid) -> Self {
        bare.clone().into()
    }
}

impl From<&Domain> for Jid {
    fn from(domain: &Domain) -> Self {
        domain.clone().into()
    }
}

impl PartialEq<BareJid> for Jid {
    fn eq(&self, other: &BareJid) -> bool {
        self.as_str() == other.as_str()
    }
}

impl PartialEq<FullJid> for Jid {
    fn eq(&self, other: &FullJid) -> bool {
        self.as_str() == other.as_str()
    }
}
