//! An address with a resource.

use std::sync::Arc;

use crate::jid::domain_start;
use crate::text::{compares_as_text, part};
use crate::{BareJid, Domain, Jid, JidError};

/// An address with a resource: `local@domain/resource` (a session, an occupant) or `domain/resource`.
#[derive(Clone)]
pub struct FullJid {
    text: Arc<str>,
    /// Position of `@`; 0 without a local part.
    at: u16,
    /// Position of `/`.
    slash: u16,
}

compares_as_text!(FullJid);

impl FullJid {
    /// Reads a full JID as it comes from the wire.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse`], and [`JidError::NoResource`].
    pub fn parse(text: &str) -> Result<Self, JidError> {
        Jid::parse(text)?.into_full().ok_or(JidError::NoResource)
    }

    /// Reads a full JID that is about to be created here, refusing unassigned code points.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse_strict`], and [`JidError::NoResource`].
    pub fn parse_strict(text: &str) -> Result<Self, JidError> {
        Jid::parse_strict(text)?
            .into_full()
            .ok_or(JidError::NoResource)
    }

    /// `text` was prepared, with `@` at `at` (0 for none) and `/` at `slash`.
    pub(crate) fn from_checked(text: Arc<str>, at: u16, slash: u16) -> Self {
        Self { text, at, slash }
    }

    pub(crate) fn into_checked(self) -> (Arc<str>, u16, u16) {
        (self.text, self.at, self.slash)
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before `@`.
    pub fn local(&self) -> Option<&str> {
        (self.at > 0).then(|| part(&self.text, 0, self.at))
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        part(&self.text, domain_start(0, self.at), self.slash)
    }

    /// The part after `/`.
    pub fn resource(&self) -> &str {
        let (_, resource) = self
            .text
            .split_at_checked(usize::from(self.slash) + 1)
            .expect("a full JID keeps the offset of its slash");
        resource
    }

    /// The address without its resource, sharing this one's text.
    pub fn bare(&self) -> BareJid {
        BareJid::from_checked(Arc::clone(&self.text), 0, self.at, self.slash)
    }

    /// The text of the address without its resource, for look-ups.
    pub fn bare_str(&self) -> &str {
        part(&self.text, 0, self.slash)
    }

    /// The domain, sharing this address's text.
    pub fn to_domain(&self) -> Domain {
        Domain::from_checked(Arc::clone(&self.text), domain_start(0, self.at), self.slash)
    }
}

impl TryFrom<Jid> for FullJid {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        jid.into_full().ok_or(JidError::NoResource)
    }
}

impl PartialEq<Jid> for FullJid {
    fn eq(&self, other: &Jid) -> bool {
        self.as_str() == other.as_str()
    }
}
