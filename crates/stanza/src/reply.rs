//! Answers: results and errors, [RFC 6120 §8.2.3 and §8.3](https://www.rfc-editor.org/rfc/rfc6120#section-8.3).

use xml::Fragment;

use crate::{Condition, IqType, Kind, Stanza, StanzaError};

impl Stanza {
    /// The result of an IQ get or set: addresses swapped, same id, with a payload or empty.
    #[must_use]
    pub fn reply_result(&self, payload: Option<Fragment>) -> Self {
        let mut reply = self.reply(Kind::Iq(IqType::Result));
        if let Some(payload) = payload {
            reply.push_child(payload);
        }
        reply
    }

    /// The error that answers this stanza; nothing when it is itself an error or a result, which nothing answers.
    ///
    /// The stanza's own payload is not sent back.
    #[must_use]
    pub fn reply_error(&self, error: &StanzaError) -> Option<Self> {
        self.kind.may_be_answered().then(|| {
            self.reply(self.kind.into_error())
                .with_child(error.to_fragment())
        })
    }

    /// The same stanza with addresses swapped, another kind, and no children.
    #[must_use]
    pub fn reply(&self, kind: Kind) -> Self {
        let mut reply = Self::new(kind);
        // A short id inside a large block would keep the block alive.
        if let Some(id) = self.id() {
            reply = reply.with_id(id);
        }
        reply.to = self.from.clone();
        reply.from = self.to.clone();
        reply
    }

    /// An IQ result turned into an error, because what it reports could not be made durable: same addresses and id.
    #[must_use]
    pub fn result_as_failure(&self) -> Self {
        let error = StanzaError::new(Condition::InternalServerError);
        let mut failure = self
            .reply(self.kind.into_error())
            .with_child(error.to_fragment());
        std::mem::swap(&mut failure.to, &mut failure.from);
        failure
    }
}
