//! A stanza that breaks the rules of RFC 6120 §8, and the answer to it.
//!
//! The stream goes on: only the stanza is refused. Which of these a stream treats as its own error instead (a
//! malformed `from` on a client's stream is one) is for the stream to say.

use jid::{Jid, JidError};
use thiserror::Error;

use crate::head::Rare;
use crate::{Condition, Kind, Stanza, StanzaError};

/// What is wrong with a stanza.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RejectReason {
    /// The element is none of `message`, `presence` and `iq` in the content namespace.
    #[error("not a stanza")]
    NotAStanza,

    /// A presence or IQ stanza has a type that is not defined, or the IQ has none.
    #[error("the type is missing or not a defined one")]
    UnknownType,

    /// An IQ has no id.
    #[error("the id is missing")]
    IdMissing,

    /// An IQ get or set has no child or several.
    #[error("an IQ get or set needs exactly one child")]
    NotOneChild,

    /// `to` is no address.
    #[error("`to` is no address: {0}")]
    ToMalformed(JidError),

    /// `from` is no address.
    #[error("`from` is no address: {0}")]
    FromMalformed(JidError),
}

impl RejectReason {
    /// The condition of the answer.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self {
            Self::NotAStanza | Self::UnknownType | Self::IdMissing | Self::NotOneChild => {
                Condition::BadRequest
            }
            Self::ToMalformed(_) | Self::FromMalformed(_) => Condition::JidMalformed,
        }
    }
}

/// A stanza that was refused, with what an answer needs.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Why.
    pub reason: RejectReason,
    /// Its `to` as sent, which need not be an address.
    pub to: Option<Box<str>>,
    /// Its `from` as sent, which need not be an address.
    pub from: Option<Box<str>>,
    /// Its id.
    pub id: Option<Box<str>>,
    /// The kind of the answer; nothing where there may be none: for errors, IQ results, and what is no stanza.
    pub(crate) answer: Option<Kind>,
}

impl Rejected {
    /// The error to answer with.
    #[must_use]
    pub fn error(&self) -> StanzaError {
        StanzaError::new(self.reason.condition())
    }

    /// The answer to `sender`; nothing where RFC 6120 §8.3.1 allows none.
    ///
    /// It comes from the address the stanza was sent to, even where that is no valid one: the sender matches answers
    /// by id and address.
    #[must_use]
    pub fn reply(&self, sender: &Jid) -> Option<Stanza> {
        let mut reply = Stanza::new(self.answer?)
            .with_to(sender.clone())
            .with_child(self.error().to_fragment());
        if let Some(id) = &self.id {
            reply = reply.with_id(id);
        }
        match self.to.as_deref().map(|to| (Jid::parse(to), to)) {
            Some((Ok(to), _)) => reply.set_from(Some(to)),
            Some((Err(_), to)) => {
                reply.rare = Some(
                    Rare {
                        unparsed_from: Some(to.into()),
                        ..Rare::default()
                    }
                    .into(),
                );
            }
            None => {}
        }
        Some(reply)
    }
}
