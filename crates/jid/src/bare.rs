//! An address without a resource.

use std::sync::Arc;

use crate::jid::domain_start;
use crate::split;
use crate::text::{compares_as_text, part};
use crate::{Domain, FullJid, Jid, JidError, Strict, prepare_resource};

/// An address without a resource: `local@domain` (an account or a room) or a domain on its own.
///
/// It may share the text of the full JID or the list it was taken from; [`BareJid::compact`] gives up the rest.
#[derive(Clone)]
pub struct BareJid {
    text: Arc<str>,
    start: u16,
    /// Position of `@`; that of the start without a local part.
    at: u16,
    /// End of the domain, which is the end of the address.
    end: u16,
}

compares_as_text!(BareJid);

impl BareJid {
    /// Reads a bare JID as it comes from the wire.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse`], and [`JidError::HasResource`].
    pub fn parse(text: &str) -> Result<Self, JidError> {
        Jid::parse(text)?.into_bare().ok_or(JidError::HasResource)
    }

    /// Reads a bare JID that is about to be created here, refusing unassigned code points.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse_strict`], and [`JidError::HasResource`].
    pub fn parse_strict(text: &str) -> Result<Self, JidError> {
        Jid::parse_strict(text)?
            .into_bare()
            .ok_or(JidError::HasResource)
    }

    /// Puts a bare JID together from its parts, each prepared as in [`Jid::parse`].
    ///
    /// # Errors
    ///
    /// As [`Jid::parse`].
    pub fn from_parts(local: Option<&str>, domain: &str) -> Result<Self, JidError> {
        let prepared = split::assemble(None, local, domain, None, Strict::No)?;
        Ok(Self::from_checked(
            prepared.text,
            0,
            prepared.at,
            prepared.slash,
        ))
    }

    /// `text[start..end]` was prepared, with `@` at `at` (`start` for none).
    pub(crate) fn from_checked(text: Arc<str>, start: u16, at: u16, end: u16) -> Self {
        Self {
            text,
            start,
            at,
            end,
        }
    }

    pub(crate) fn into_checked(self) -> (Arc<str>, u16, u16, u16) {
        (self.text, self.start, self.at, self.end)
    }

    /// Where `@` is in the address; 0 without a local part.
    pub(crate) fn at_offset(&self) -> u16 {
        self.at - self.start
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

    /// The part before `@`; none when the address is a domain.
    pub fn local(&self) -> Option<&str> {
        (self.at > self.start).then(|| part(&self.text, self.start, self.at))
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        part(&self.text, domain_start(self.start, self.at), self.end)
    }

    /// Whether the address is a domain on its own.
    pub fn is_domain(&self) -> bool {
        self.at == self.start
    }

    /// The domain, sharing this address's text.
    pub fn to_domain(&self) -> Domain {
        Domain::from_checked(
            Arc::clone(&self.text),
            domain_start(self.start, self.at),
            self.end,
        )
    }

    /// The full JID of a resource of this address, as it comes from the wire.
    ///
    /// # Errors
    ///
    /// As [`prepare_resource`], without the strict check.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        self.with_prepared(&prepare_resource(resource, Strict::No)?)
    }

    /// The full JID of a resource that is about to be bound here, refusing unassigned code points.
    ///
    /// # Errors
    ///
    /// As [`prepare_resource`].
    pub fn with_resource_strict(&self, resource: &str) -> Result<FullJid, JidError> {
        self.with_prepared(&prepare_resource(resource, Strict::Yes)?)
    }

    fn with_prepared(&self, resource: &str) -> Result<FullJid, JidError> {
        let text = split::join(self.local(), self.domain(), Some(resource));
        Ok(FullJid::from_checked(
            text,
            self.at_offset(),
            self.end - self.start,
        ))
    }

    /// The same address on a text of its own, so that what it was taken from can be freed. For what
    /// is kept long; costs one allocation when there is something to give up, else nothing.
    #[must_use]
    pub fn compact(self) -> Self {
        if self.text.len() == usize::from(self.end - self.start) {
            return self;
        }
        Self {
            text: Arc::from(self.as_str()),
            start: 0,
            at: self.at_offset(),
            end: self.end - self.start,
        }
    }
}

impl From<Domain> for BareJid {
    fn from(domain: Domain) -> Self {
        let text = domain.into_text();
        let end = split::offset(text.len());
        Self {
            text,
            start: 0,
            at: 0,
            end,
        }
    }
}

impl From<&Domain> for BareJid {
    fn from(domain: &Domain) -> Self {
        domain.clone().into()
    }
}

impl TryFrom<Jid> for BareJid {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        jid.into_bare().ok_or(JidError::HasResource)
    }
}

impl PartialEq<Jid> for BareJid {
    fn eq(&self, other: &Jid) -> bool {
        self.as_str() == other.as_str()
    }
}
