//! Whose ids a message carries, [XEP-0359 §3](https://xmpp.org/extensions/xep-0359.html#rules): only the account itself
//! says what its archive calls a message, so that what anybody else wrote in its name goes.

use engine::{
    account::Account,
    module::On,
    pipeline::{
        Context,
        events::{MessageArrived, MessageSent, StanzaEvent},
    },
};
use stanza::ids;

use super::MessageArchive;

/// The copies that the sender's own resources get carry the id of the sender's archive.
impl On<MessageSent> for MessageArchive {
    fn on(&self, event: &mut MessageSent, account: &mut Account, _: &Context<'_>) {
        strip(event, account);
    }
}

/// Of messages of every type, and whether or not they are archived.
impl On<MessageArrived> for MessageArchive {
    fn on(&self, event: &mut MessageArrived, account: &mut Account, _: &Context<'_>) {
        strip(event, account);
    }
}

fn strip(event: &mut impl StanzaEvent, account: &Account) {
    if event.envelope().stanza().has("stanza-id", ids::NS) {
        ids::strip_stanza_ids(event.envelope_mut().stanza_mut(), account.jid().as_str());
    }
}
