//! Which messages devices are to be notified of: those that came for one whose client is not here, and those that it did
//! not get though it was. What the user saw elsewhere is taken off again.

use engine::{
    account::Account,
    module::On,
    pipeline::{
        Context,
        events::{DeliveryFailed, MessageArrived, MessageSent},
    },
};
use jid::{BareJid, Jid};
use stanza::{Stanza, carbon::Carbon};

use super::{
    Push,
    config::Told,
    has_registrations,
    here::{is_here, key_of},
    look_soon,
    notable::{Urgency, is_by_hand, shows_that_it_was_read, urgency},
    pending::{self, Note, Pending},
    protocol,
    publish::cut,
    registration::{Key, Registration, Registrations},
    requests::disable_all,
};

/// A message for the account: devices whose client is not here are to be notified of it.
impl On<MessageArrived> for Push {
    fn on(&self, event: &mut MessageArrived, account: &mut Account, cx: &Context<'_>) {
        if !has_registrations(account) {
            return;
        }
        let message = event.stanza().clone();
        let sender = event.envelope.from().clone();
        // §8: a push service says that it takes no more.
        if let Some(node) = protocol::withdrawn(&message, account.jid().as_str()) {
            return disable_all(account, cx, &sender, node.as_deref());
        }
        let is_own = sender.bare_str() == account.jid().as_str();
        if let Some(urgency) = urgency(&message).filter(|_| !is_own) {
            let away = self.devices(account, |account, key, _| !is_here(account, key));
            self.note(account, cx, &away, &message, &sender, urgency);
        }
    }
}

/// What a session held when it ended did not reach its device, whoever else got it.
impl On<DeliveryFailed> for Push {
    fn on(&self, event: &mut DeliveryFailed, account: &mut Account, cx: &Context<'_>) {
        let Some(key) = key_of(account, event.session) else {
            return;
        };
        let is_told = |pending: &Pending| pending.is_told(event.session);
        if !account.resident::<Pending>().is_some_and(is_told) {
            self.note_untaken(account, cx, &key, &event.frame.stanza);
        }
    }
}

/// The user did something at a device, and perhaps saw what came in that chat.
impl On<MessageSent> for Push {
    fn on(&self, event: &mut MessageSent, account: &mut Account, cx: &Context<'_>) {
        if !has_registrations(account) {
            return;
        }
        let Some(session) = event.envelope.session().map(|session| session.id()) else {
            return;
        };
        let message = event.stanza();
        if is_by_hand(message) {
            let now = cx.now();
            account.resident_mut::<Pending>().touch(session, now);
        }
        if shows_that_it_was_read(message) {
            let chat = event.envelope.to().bare();
            was_read(account, cx, &chat);
        }
    }
}

/// The user has seen what came from `chat`.
fn was_read(account: &mut Account, cx: &Context<'_>, chat: &BareJid) {
    let pending = account.resident_mut::<Pending>();
    let mut changed = Vec::new();
    for (key, waiting) in &mut pending.devices {
        if waiting.retain(|note| note.sender.bare_str() != chat.as_str()) {
            changed.push(key.clone());
        }
    }
    for key in changed {
        pending::keep(account, cx, &key);
    }
}

impl Push {
    /// A message that a session's device did not get: itself, or as a copy.
    pub(super) fn note_untaken(
        &self,
        account: &mut Account,
        cx: &Context<'_>,
        key: &Key,
        stanza: &Stanza,
    ) {
        let message = match Carbon::of(stanza) {
            Some(Carbon::Received(copied)) => copied,
            Some(Carbon::Sent(sent)) => {
                // What came before in that chat was seen at another device.
                if let Some(chat) = sent.to().filter(|_| shows_that_it_was_read(&sent)) {
                    was_read(account, cx, &chat.bare());
                }
                return;
            }
            None => stanza.clone(),
        };
        let Some(sender) = message.from().cloned() else {
            return;
        };
        let is_own = sender.bare_str() == account.jid().as_str();
        if let Some(urgency) = urgency(&message).filter(|_| !is_own) {
            self.note(
                account,
                cx,
                std::slice::from_ref(key),
                &message,
                &sender,
                urgency,
            );
        }
    }

    /// The devices for which `is_meant`.
    fn devices(
        &self,
        account: &Account,
        is_meant: impl Fn(&Account, &Key, &Registration) -> bool,
    ) -> Vec<Key> {
        let all = account.resident::<Registrations>();
        all.into_iter()
            .flat_map(|all| &all.0)
            .filter(|(key, one)| is_meant(account, key, one))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Devices are to be notified of `message`, once it is sure that it is kept.
    fn note(
        &self,
        account: &mut Account,
        cx: &Context<'_>,
        keys: &[Key],
        message: &Stanza,
        sender: &Jid,
        urgency: Urgency,
    ) {
        let is_told = self.told.contains(&Told::LastMessageBody);
        let is_encrypted = message.children().any(|child| child.name() == "encryption");
        let body = message.body().filter(|_| is_told && !is_encrypted).map(cut);
        let note = Note {
            sender: sender.clone(),
            is_call: urgency == Urgency::Call,
            body,
        };
        let mut noted = Vec::new();
        for key in keys {
            let all = account.resident::<Registrations>();
            let wants = all
                .and_then(|all| all.0.get(key))
                .is_some_and(|one| one.wants(account, sender));
            if wants {
                let pending = account.resident_mut::<Pending>();
                pending
                    .devices
                    .entry(key.clone())
                    .or_default()
                    .add(note.clone());
                noted.push(key.clone());
            }
        }
        if noted.is_empty() {
            return;
        }
        look_soon(account, cx);
        let sender = sender.clone();
        cx.undo_if_lost(Box::new(move |account| {
            take_back(account.resident_mut::<Pending>(), &noted, &sender);
        }));
    }
}

/// The last message of `sender` was not kept, and was refused.
fn take_back(pending: &mut Pending, keys: &[Key], sender: &Jid) {
    for key in keys {
        if let Some(waiting) = pending.devices.get_mut(key)
            && let Some(last) = waiting
                .notes
                .iter()
                .rposition(|note| note.sender == *sender)
        {
            waiting.notes.remove(last);
        }
    }
}
