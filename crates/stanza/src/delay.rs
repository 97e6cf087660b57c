//! When a stanza was sent that arrives late, [XEP-0203] 2.0.
//!
//! [XEP-0203]: https://xmpp.org/extensions/xep-0203.html

use jid::Jid;
use xml::{Builder, Element, Fragment};

use crate::{Condition, StanzaError, Timestamp};

/// The namespace of `<delay/>`.
pub const NS: &str = "urn:xmpp:delay";

/// `<delay/>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delay {
    /// When the stanza was sent.
    pub stamp: Timestamp,
    /// Who delayed it, or who sent it.
    pub from: Option<Jid>,
    /// Why it came late, for people.
    pub reason: Option<String>,
}

impl Delay {
    /// A delay that `from` answers for.
    #[must_use]
    pub fn new(stamp: Timestamp, from: impl Into<Option<Jid>>) -> Self {
        Self {
            stamp,
            from: from.into(),
            reason: None,
        }
    }

    /// Reads `<delay/>`. A `from` that is no address counts as none.
    ///
    /// # Errors
    ///
    /// `bad-request` when `stamp` is missing or no time.
    pub fn parse(delay: &Element<'_>) -> Result<Self, StanzaError> {
        let stamp = delay
            .attr("stamp")
            .and_then(|stamp| Timestamp::parse(&stamp).ok())
            .ok_or(Condition::BadRequest)?;
        Ok(Self {
            stamp,
            from: delay.attr("from").and_then(|from| Jid::parse(&from).ok()),
            reason: Some(delay.text().trim())
                .filter(|reason| !reason.is_empty())
                .map(str::to_owned),
        })
    }

    /// `<delay/>`.
    #[must_use]
    pub fn to_fragment(&self) -> Fragment {
        let delay = Builder::new("delay", NS)
            .attr_opt("from", self.from.as_ref().map(Jid::as_str))
            .attr("stamp", self.stamp.to_string());
        match &self.reason {
            Some(reason) => delay.text(reason).build(),
            None => delay.build(),
        }
    }
}
