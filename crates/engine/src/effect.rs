//! What a run makes for others, on its way there: a stanza, or a message from account to account.
//!
//! Both wait in one queue per account or service, so that what goes from one to another keeps its order.

use crate::{account::DrainQueue, envelope::Envelope, module::Told, session::Held};

/// How much of what one account or service made may wait to be routed without holding anybody back. Past it, a
/// session that adds to it reads on only when what it added is routed.
const EFFECTS_MAX: usize = 1024;

/// One of both.
#[derive(Debug)]
pub(crate) enum Effect {
    Stanza(Envelope),
    /// Rare, and boxed so that it makes no stanza bigger.
    Told(Box<Told>),
}

impl Effect {
    /// When too many of `effects` wait, holds back the session that caused the last of them until that one is
    /// routed: several senders can cause more, from several threads, than the one drainer routes meanwhile.
    pub(crate) fn hold_back(effects: &mut DrainQueue<Self>, held: Option<&Held>) {
        let Some(last) = effects.last_beyond(EFFECTS_MAX) else {
            return;
        };
        match last {
            Self::Stanza(envelope) => envelope.hold_also(held),
            Self::Told(told) if told.held.is_none() => told.held = held.cloned(),
            Self::Told(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Arc};

    use jid::FullJid;
    use stanza::Stanza;

    use super::*;
    use crate::{
        permission::Role,
        session::{Binder, Session, SessionId},
    };

    #[test]
    fn who_adds_to_too_many_effects_waits_until_what_it_added_is_routed() {
        let full_jid = FullJid::parse("romeo@example/orchard").unwrap();
        let session = Session::new(
            SessionId(1),
            full_jid.clone(),
            Role::Member,
            1000,
            Binder::default(),
        );
        let stanza = Arc::new(Stanza::iq(stanza::IqType::Result, "1"));
        let effect = || {
            let envelope =
                Envelope::share(full_jid.clone().into(), full_jid.clone().into(), &stanza);
            Effect::Stanza(envelope)
        };
        let mut effects = DrainQueue::default();
        std::iter::repeat_with(effect)
            .take(EFFECTS_MAX)
            .for_each(|effect| effects.push(effect));

        let held = Held::new(&session);
        Effect::hold_back(&mut effects, Some(&held));
        drop(held);
        assert!(!session.is_held(), "so many hold back nobody");

        effects.push(effect());
        let held = Held::new(&session);
        Effect::hold_back(&mut effects, Some(&held));
        drop(held);
        assert!(session.is_held());
        assert!(effects.claim());
        for _ in 0..EFFECTS_MAX {
            drop(effects.next(VecDeque::pop_front));
        }
        assert!(session.is_held(), "its own still waits");
        drop(effects.next(VecDeque::pop_front));
        assert!(!session.is_held());
    }
}
