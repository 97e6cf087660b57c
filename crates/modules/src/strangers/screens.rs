//! What strangers can't do.

use engine::{
    account::Account,
    module::{On, Screen},
    pipeline::{
        Context, Verdict,
        events::{IqArrived, MessageArrived, MessageSent},
    },
};
use stanza::{Condition, IqType, Kind, MessageType, StanzaError};

use super::{
    Strangers,
    rule::{self, Rule, in_force, is_stranger},
};

/// Their messages come back as if nobody were there, so that they learn nothing. Rooms speak to those who joined them.
impl Screen<MessageArrived> for Strangers {
    fn screen(&self, event: &MessageArrived, account: &Account, _: &Context<'_>) -> Verdict {
        if in_force(account, self.usual) == Rule::Allow
            || !is_stranger(account, event.envelope.from())
        {
            return Verdict::Pass;
        }
        match event.stanza().kind() {
            Kind::Message(MessageType::Normal | MessageType::Chat) => {
                Verdict::Error(StanzaError::new(Condition::ServiceUnavailable))
            }
            Kind::Message(MessageType::Headline) => Verdict::Drop,
            _ => Verdict::Pass,
        }
    }
}

/// Their requests don't reach the user's clients. What the server answers for the account, it answers to everybody.
impl Screen<IqArrived> for Strangers {
    fn screen(&self, event: &IqArrived, account: &Account, _: &Context<'_>) -> Verdict {
        let is_request = matches!(event.stanza().kind(), Kind::Iq(IqType::Get | IqType::Set));
        let reaches_client = is_request && event.envelope.to().is_full();
        match reaches_client
            && in_force(account, self.usual) == Rule::Block
            && is_stranger(account, event.envelope.from())
        {
            true => Verdict::Error(StanzaError::new(Condition::ServiceUnavailable)),
            false => Verdict::Pass,
        }
    }
}

/// Whoever is written to may answer.
impl On<MessageSent> for Strangers {
    fn on(&self, event: &mut MessageSent, account: &mut Account, cx: &Context<'_>) {
        let to = event.envelope.to();
        let speaks = matches!(
            event.stanza().kind(),
            Kind::Message(MessageType::Normal | MessageType::Chat)
        );
        if speaks
            && !account.is_anonymous()
            && in_force(account, self.usual) == Rule::Block
            && is_stranger(account, to)
        {
            let to = to.bare();
            rule::wrote(account, cx, &to);
        }
    }
}
