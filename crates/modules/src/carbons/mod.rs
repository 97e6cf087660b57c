//! # Message Carbons
//!
//! Copies what a user sends or receives on one resource to the user's other resources, so that
//! every device shows the whole conversation.
//!
//! Spec: [XEP-0280](https://xmpp.org/extensions/xep-0280.html) 1.0.1, complete. We do not strip
//! `<private/>`: 1.0 dropped that rule as a security risk (§9).
//!
//! `protocol.rs` holds the wire forms, `eligible.rs` the §6.1 rules, `tests/` the transcripts.

mod eligible;
mod protocol;

use std::sync::Arc;

use eligible::is_eligible;
use engine::{
    HostFacts,
    account::Account,
    module::{
        Answer, AnswerIq, BindInline, ConfigError, IqContext, Module, NoConfig, On, Spec, To,
        Wiring,
    },
    pipeline::{
        Context, Stage,
        events::{MessageArrived, MessageSent},
    },
    session::{SessionId, marks::SessionMark},
};
use protocol::{Direction, Disable, Enable};
use stanza::{Condition, StanzaError};
use xml::Fragment;

/// The feature.
pub struct Carbons;

impl Module for Carbons {
    const NAME: &'static str = "carbons";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0280", "1.0.1")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS)
            .disco_feature(protocol::NS_RULES)
            .disco_account_feature(protocol::NS)
            .disco_account_feature(protocol::NS_RULES)
            .session_mark::<WantsCarbons>()
            .iq::<Enable>(To::OwnAccount)
            .iq::<Disable>(To::OwnAccount)
            .bind_inline::<Enable>()
            .on::<MessageSent>(Stage::Fork)
            .on::<MessageArrived>(Stage::Fork);
    }
}

/// Turns copies on for the asking resource, [§4]. Asking twice is no error, [§10.1].
///
/// [§4]: https://xmpp.org/extensions/xep-0280.html#enabling
/// [§10.1]: https://xmpp.org/extensions/xep-0280.html#bizrules-multi
impl AnswerIq<Enable> for Carbons {
    fn answer_iq(&self, _: Enable, cx: &mut IqContext<'_>) -> Answer {
        let resource = cx.resource().ok_or_else(not_ours)?;
        resource.mark::<WantsCarbons>();
        Ok(None)
    }
}

/// Turns copies on for a session that asks for it as it binds: nothing is said to that, [XEP-0386 §Performing the bind].
///
/// [XEP-0386 §Performing the bind]: https://xmpp.org/extensions/xep-0386.html#bind
impl BindInline<Enable> for Carbons {
    fn bind_inline(
        &self,
        _: Enable,
        session: SessionId,
        account: &mut Account,
        _: &Context<'_>,
    ) -> Option<Fragment> {
        account.resource_mut(session)?.mark::<WantsCarbons>();
        None
    }
}

/// Turns copies off for the asking resource, [§5].
///
/// [§5]: https://xmpp.org/extensions/xep-0280.html#disabling
impl AnswerIq<Disable> for Carbons {
    fn answer_iq(&self, _: Disable, cx: &mut IqContext<'_>) -> Answer {
        let resource = cx.resource().ok_or_else(not_ours)?;
        resource.unmark::<WantsCarbons>();
        Ok(None)
    }
}

/// Copies a sent message to the sender's other resources, [§8].
///
/// This happens whether or not the sending resource itself wants carbons. A message to the own account
/// is copied where it arrives: there are no two copies of it.
///
/// [§8]: https://xmpp.org/extensions/xep-0280.html#outbound
impl On<MessageSent> for Carbons {
    fn on(&self, event: &mut MessageSent, account: &mut Account, cx: &Context<'_>) {
        let envelope = &event.envelope;
        if envelope.to().bare_str() == account.jid().as_str() {
            return;
        }
        let sender = envelope.session().map(|session| session.id());
        let mut others = account
            .resources_with::<WantsCarbons>()
            .filter(|resource| Some(resource.session().id()) != sender)
            .peekable();
        // Hardly anybody has a second resource, and looking at the children takes longer than seeing that.
        if others.peek().is_none() || !is_eligible(event.stanza(), Direction::Sent) {
            return;
        }
        // With the id of the user's own archive, which the recipient does not see.
        let copy = protocol::copy(Direction::Sent, &event.own_copy(), account.jid());
        let copy = Arc::new(copy);
        for other in others {
            cx.push(other.session(), &copy);
        }
    }
}

/// Copies a received message to the resources that routing did not choose, [§7].
///
/// A message to the own account is not copied to the resource that sent it.
///
/// [§7]: https://xmpp.org/extensions/xep-0280.html#inbound
impl On<MessageArrived> for Carbons {
    fn on(&self, event: &mut MessageArrived, account: &mut Account, cx: &Context<'_>) {
        let envelope = &event.envelope;
        let sender = envelope.session().map(|session| session.id());
        let mut others = account
            .resources_with::<WantsCarbons>()
            .filter(|resource| {
                let id = resource.session().id();
                Some(id) != sender && !event.recipients.contains(&id)
            })
            .peekable();
        if others.peek().is_none() || !is_eligible(event.stanza(), Direction::Received) {
            return;
        }
        let original = event.stanza().clone().with_to(Some(envelope.to().clone()));
        let copy = Arc::new(protocol::copy(
            Direction::Received,
            &original,
            account.jid(),
        ));
        for other in others {
            cx.push(other.session(), &copy);
        }
    }
}

/// Only a session of the account itself has something to turn on, §4.1.
fn not_ours() -> StanzaError {
    StanzaError::new(Condition::NotAllowed)
}

/// Per-session mark: this resource asked for carbons. One bit; it survives what the session survives.
struct WantsCarbons;

impl SessionMark for WantsCarbons {
    const NAME: &'static str = "carbons.wanted";
}
