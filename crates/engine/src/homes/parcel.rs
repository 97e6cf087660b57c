//! What travels between homes, as bytes: JSON, in which stanzas are written as the store writes them.
//!
//! Both sides may be of different versions for a while: a kind that one does not know is dropped, new fields have
//! defaults.

use jid::{BareJid, Jid};
use serde::{Deserialize, Serialize};

use crate::permission::Role;

/// One thing on its way.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Parcel {
    /// A stanza for an account or service of the other home.
    Stanza(StanzaParcel),
    /// A message from account to account.
    Told(ToldParcel),
    /// What stood at this position of the sender's log has taken effect, and that is durable.
    Settled { position: u64 },
    /// What it did could not be stored, so it did nothing: the sender is to be told.
    Refused { position: u64 },
}

/// A stanza and what the other home must know of its sender.
#[derive(Deserialize, Serialize)]
pub(super) struct StanzaParcel {
    pub(super) to: Jid,
    pub(super) xml: String,
    /// The sender was promised that it is safe: XEP-0198.
    #[serde(default)]
    pub(super) has_acks: bool,
    #[serde(default)]
    pub(super) role: Role,
    /// Where it is kept until the other home has it; most are not.
    #[serde(default)]
    pub(super) kept: Option<Kept>,
}

/// A place in the log of what one home keeps for another.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Kept {
    pub(super) position: u64,
    /// The lowest position that may come again.
    pub(super) from: u64,
}

/// A message from account to account.
#[derive(Deserialize, Serialize)]
pub(super) struct ToldParcel {
    pub(super) from: BareJid,
    pub(super) to: BareJid,
    pub(super) name: String,
    pub(super) value: String,
}

impl Parcel {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and addresses write as JSON")
    }

    /// Whether it would come again.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Stanza(parcel) if parcel.kept.is_some())
    }

    /// `None` when it is not one, or of a kind that is not known here.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_home_sends_is_read_and_what_a_newer_one_adds_is_passed_over() {
        check(
            r#"{"stanza":{"to":"juliet@example","xml":"<message/>"}}"#,
            true,
        );
        check(
            r#"{"stanza":{"to":"juliet@example","xml":"","has_acks":true,"role":"member","kept":{"position":2,"from":1},"hops":3}}"#,
            true,
        );
        check(r#"{"settled":{"position":1,"at":5}}"#, true);
        check(r#"{"greeting":{}}"#, false);
        check(r#"{"stanza":{"to":"@","xml":""}}"#, false);
        check("", false);
    }

    #[track_caller]
    fn check(text: &str, reads: bool) {
        assert_eq!(Parcel::read(text.as_bytes()).is_some(), reads, "{text}");
    }
}
