//! A domain part on its own.

use std::sync::Arc;

use crate::text::{compares_as_text, part};
use crate::{BareJid, Jid, JidError, prepare_local, split};
use crate::{Strict, limits};

/// A domain, prepared: an internationalised name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone)]
pub struct Domain {
    /// May go on around the domain: it shares the text of the address it was taken from.
    text: Arc<str>,
    start: u16,
    end: u16,
}

compares_as_text!(Domain);

impl Domain {
    /// Reads a domain.
    ///
    /// # Errors
    ///
    /// As [`Jid::parse`], [`JidError::HasLocal`] and [`JidError::HasResource`].
    pub fn parse(text: &str) -> Result<Self, JidError> {
        let bare = BareJid::parse(text)?;
        if bare.is_domain() {
            Ok(bare.to_domain())
        } else {
            Err(JidError::HasLocal)
        }
    }

    /// `text[start..end]` is a prepared domain.
    pub(crate) fn from_checked(text: Arc<str>, start: u16, end: u16) -> Self {
        Self { text, start, end }
    }

    /// The domain as a text of its own, shared with this one where that is possible.
    pub(crate) fn into_text(self) -> Arc<str> {
        if self.text.len() == usize::from(self.end - self.start) {
            self.text
        } else {
            Arc::from(self.as_str())
        }
    }

    /// The domain, with internationalised labels in Unicode (U-labels).
    pub fn as_str(&self) -> &str {
        part(&self.text, self.start, self.end)
    }

    /// The bare JID of an account or room of this domain, as it comes from the wire.
    ///
    /// # Errors
    ///
    /// As [`prepare_local`], without the strict check.
    pub fn with_local(&self, local: &str) -> Result<BareJid, JidError> {
        self.with_prepared(&prepare_local(local, Strict::No)?)
    }

    /// The bare JID of an account or room that is about to be created here, refusing unassigned code points.
    ///
    /// # Errors
    ///
    /// As [`prepare_local`].
    pub fn with_local_strict(&self, local: &str) -> Result<BareJid, JidError> {
        self.with_prepared(&prepare_local(local, Strict::Yes)?)
    }

    fn with_prepared(&self, local: &str) -> Result<BareJid, JidError> {
        debug_assert!(local.len() <= limits::PART_BYTES_MAX, "it was prepared");
        let text = split::join(Some(local), self.as_str(), None);
        let end = split::offset(text.len());
        Ok(BareJid::from_checked(
            text,
            0,
            split::offset(local.len()),
            end,
        ))
    }

    /// The domain as the DNS and certificates spell it: internationalised labels as A-labels (`xn--...`).
    pub fn to_ascii(&self) -> String {
        crate::hostname::to_ascii(self.as_str())
    }
}

impl TryFrom<Jid> for Domain {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        if jid.is_full() {
            Err(JidError::HasResource)
        } else if jid.local().is_some() {
            Err(JidError::HasLocal)
        } else {
            Ok(jid.to_domain())
        }
    }
}
