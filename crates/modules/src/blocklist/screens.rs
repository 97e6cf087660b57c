//! What a block stops, [XEP-0191 §3.3](https://xmpp.org/extensions/xep-0191.html#block).

use engine::{
    account::Account,
    module::Screen,
    pipeline::{
        Context, Verdict,
        events::{
            IqArrived, IqSent, MessageArrived, MessageSent, PeerAddressed, PresenceArrived,
            PresenceSent, StanzaEvent,
        },
    },
};
use stanza::{Condition, Kind, MessageType, StanzaError};

use super::{Blocklist, Refusal, list::shuts_out, protocol};

/// What a user sends to somebody blocked comes back; what may not be answered goes nowhere.
fn outgoing(event: &impl StanzaEvent, account: &Account) -> Verdict {
    match shuts_out(account, event.envelope().to()) {
        true => Verdict::Error(protocol::blocked()),
        false => Verdict::Pass,
    }
}

impl Screen<MessageSent> for Blocklist {
    fn screen(&self, event: &MessageSent, account: &Account, _: &Context<'_>) -> Verdict {
        outgoing(event, account)
    }
}

impl Screen<PresenceSent> for Blocklist {
    fn screen(&self, event: &PresenceSent, account: &Account, _: &Context<'_>) -> Verdict {
        outgoing(event, account)
    }
}

impl Screen<IqSent> for Blocklist {
    fn screen(&self, event: &IqSent, account: &Account, _: &Context<'_>) -> Verdict {
        outgoing(event, account)
    }
}

/// Refused as if nobody were there, or gone, as configured. What a room sends is never refused: the room
/// would take the user for gone because of one participant.
impl Screen<MessageArrived> for Blocklist {
    fn screen(&self, event: &MessageArrived, account: &Account, _: &Context<'_>) -> Verdict {
        if !shuts_out(account, event.envelope.from()) {
            return Verdict::Pass;
        }
        match (self.messages, event.stanza().kind()) {
            (Refusal::Bounce, Kind::Message(MessageType::Normal | MessageType::Chat)) => {
                Verdict::Error(StanzaError::new(Condition::ServiceUnavailable))
            }
            _ => Verdict::Drop,
        }
    }
}

/// Never answered: notifications, subscriptions, probes.
impl Screen<PresenceArrived> for Blocklist {
    fn screen(&self, event: &PresenceArrived, account: &Account, _: &Context<'_>) -> Verdict {
        match shuts_out(account, event.envelope.from()) {
            true => Verdict::Drop,
            false => Verdict::Pass,
        }
    }
}

/// A request is refused; an answer, to which nothing may be said, goes nowhere.
impl Screen<IqArrived> for Blocklist {
    fn screen(&self, event: &IqArrived, account: &Account, _: &Context<'_>) -> Verdict {
        match shuts_out(account, event.envelope.from()) {
            true => Verdict::Error(StanzaError::new(Condition::ServiceUnavailable)),
            false => Verdict::Pass,
        }
    }
}

/// Broadcasts and probes leave somebody blocked out.
impl Screen<PeerAddressed> for Blocklist {
    fn screen(&self, event: &PeerAddressed, account: &Account, _: &Context<'_>) -> Verdict {
        match shuts_out(account, &event.peer) {
            true => Verdict::Drop,
            false => Verdict::Pass,
        }
    }
}
