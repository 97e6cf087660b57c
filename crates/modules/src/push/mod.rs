//! # Push Notifications
//!
//! Tells the push services of a user's devices that there is something to see, so that they wake the device.
//!
//! Spec: [XEP-0357](https://xmpp.org/extensions/xep-0357.html) 0.4.1, complete. Clients for iOS say by three extensions
//! of [Tigase](https://xeps.tigase.net/docs/push-notifications/) whose messages wake nobody and that they want to know
//! what is urgent.
//!
//! A device is notified of a message when its client is not here. While the user is at another device it waits, and if
//! the message is read or answered there, it is not notified at all; a call rings everywhere at once.
//!
//! `notable.rs` holds the rules over messages, `registration.rs` and `pending.rs` what is kept with an account,
//! `publish.rs` what is done about it, `protocol.rs` the wire forms, `tests/` the transcripts.

mod config;
mod limits;
mod notable;
mod pending;
mod protocol;
mod publish;
mod registration;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use engine::{
    Host, HostFacts, Server,
    account::{Account, ResidentKind},
    metrics::Counter,
    module::{
        Answer, AnswerIq, ConfigError, IqContext, Job, Key as ConfigKey, Module, On,
        OnAccountMessage, Spec, To, Wiring,
    },
    pipeline::{
        Context, Stage,
        events::{
            ActivityChanged, DeliveryFailed, MessageArrived, MessageSent, SessionBound,
            SessionDetached, SessionEnded, SessionResumed,
        },
    },
    session::SessionId,
};
use jid::{BareJid, Jid};
use stanza::{Condition, Stanza, StanzaError, carbon::Carbon};

use config::{Config, Told};
use notable::{Urgency, is_by_hand, shows_that_it_was_read, urgency};
use pending::{Note, Pending};
use protocol::{Disable, Enable};
use publish::{Look, Published, cut};
use registration::{Key, Registration, Registrations, client_of};

static NOTIFICATIONS: Counter = Counter::new(
    "push_notifications",
    "Notifications for devices, by what their push service said",
)
.by(&["outcome"], &[&["taken"], &["refused"], &["failed"]]);

/// The feature.
pub struct Push {
    told: Vec<Told>,
    placeholder: String,
    /// How long the user counts as being at a device after a sign of life there.
    hold: Duration,
    under_way: Arc<AtomicUsize>,
}

impl Module for Push {
    const NAME: &'static str = "push";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0357", "0.4.1")];
    const RESIDENT: &'static [ResidentKind] = &[
        ResidentKind::of::<Registrations>(),
        ResidentKind::of::<Pending>(),
    ];
    type Config = Config;

    fn keys() -> Vec<ConfigKey> {
        Config::keys()
    }

    fn new(config: Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            told: config.summary.0,
            placeholder: config.placeholder.0,
            hold: Duration::from_secs(60 * u64::from(config.hold_minutes.0)),
            under_way: Arc::default(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_account_feature(protocol::NS)
            .disco_account_feature(protocol::NS_MUTED)
            .disco_account_feature(protocol::NS_IGNORE_UNKNOWN)
            .disco_account_feature(protocol::NS_PRIORITY)
            .counter(&NOTIFICATIONS)
            .iq::<Enable>(To::OwnAccount)
            .iq::<Disable>(To::OwnAccount)
            .account_message::<Look>()
            .account_message::<Published>()
            .on::<MessageArrived>(Stage::Fork)
            .on::<MessageSent>(Stage::Fork)
            .on::<DeliveryFailed>(Stage::Listen)
            .on::<SessionBound>(Stage::Listen)
            .on::<SessionDetached>(Stage::Listen)
            .on::<SessionResumed>(Stage::Listen)
            .on::<ActivityChanged>(Stage::Listen)
            .on::<SessionEnded>(Stage::Listen)
            .job(Duration::from_secs(60 * 60));
    }
}

/// Registers a push service for the client that asks, [§5](https://xmpp.org/extensions/xep-0357.html#enabling). The last
/// request for a service and node counts.
impl AnswerIq<Enable> for Push {
    fn answer_iq(&self, enable: Enable, cx: &mut IqContext<'_>) -> Answer {
        let session = cx.session_id().ok_or_else(not_ours)?;
        let (account, run) = cx.account().ok_or_else(not_ours)?;
        if account.is_anonymous() {
            return Err(not_ours());
        }
        let resource = account.resource(session).ok_or_else(not_ours)?;
        let registration = Registration {
            service: enable.service,
            node: enable.node,
            options: enable.options,
            resource: resource.full_jid().resource().to_owned(),
            client: client_of(resource),
            muted: enable.muted,
            ignores_unknown: enable.ignores_unknown,
            wants_priority: enable.wants_priority,
            since: run.timestamp().as_micros(),
            failures: 0,
        };
        let key = registration.key();
        let most = run.server().limits().push_registrations_per_account_max;
        registration::put(account, run, registration);
        let all = account.resident_mut::<Registrations>();
        let surplus = all.0.len() > most;
        if let Some(oldest) = all.oldest().filter(|_| surplus) {
            registration::remove(account, run, vec![oldest.clone()]);
            pending::forget(account, run, &oldest);
        }
        pending::forget(account, run, &key);
        account.resident_mut::<Pending>().own(session, &key);
        Ok(None)
    }
}

/// Removes the registration of a service and node, or all of a service,
/// [§6](https://xmpp.org/extensions/xep-0357.html#disabling).
impl AnswerIq<Disable> for Push {
    fn answer_iq(&self, disable: Disable, cx: &mut IqContext<'_>) -> Answer {
        let (account, run) = cx.account().ok_or_else(not_ours)?;
        disable_all(account, run, &disable.service, disable.node.as_deref());
        Ok(None)
    }
}

/// Removes registrations of a service: that of one node, or all.
fn disable_all(account: &mut Account, cx: &Context<'_>, service: &Jid, node: Option<&str>) {
    let is_meant = |one: &Registration| {
        one.service == *service && (node.is_none() || one.node.as_deref() == node)
    };
    let keys: Vec<Key> = account
        .resident::<Registrations>()
        .into_iter()
        .flat_map(|all| &all.0)
        .filter(|(_, one)| is_meant(one))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &keys {
        pending::forget(account, cx, key);
    }
    if !keys.is_empty() {
        registration::remove(account, cx, keys);
    }
}

/// Only clients of ours have an account to register for.
fn not_ours() -> StanzaError {
    StanzaError::new(Condition::NotAllowed)
}

/// Whether a device of the account can be notified at all.
fn has_registrations(account: &Account) -> bool {
    account
        .resident::<Registrations>()
        .is_some_and(|all| !all.0.is_empty())
}

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

/// The device of a session without a connection is told what its client has not acknowledged. That it was there a moment
/// ago holds nothing back.
impl On<SessionDetached> for Push {
    fn on(&self, event: &mut SessionDetached, account: &mut Account, cx: &Context<'_>) {
        let Some(key) = key_of(account, event.session) else {
            return;
        };
        let pending = account.resident_mut::<Pending>();
        pending.leave(event.session);
        pending.set_told(event.session);
        for message in account.untaken_messages(event.session) {
            self.note_untaken(account, cx, &key, &message);
        }
    }
}

/// A client that is here again is told by its session.
impl On<SessionResumed> for Push {
    fn on(&self, event: &mut SessionResumed, account: &mut Account, cx: &Context<'_>) {
        came(account, cx, event.session);
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

/// A client that is here is told by its session.
impl On<SessionBound> for Push {
    fn on(&self, event: &mut SessionBound, account: &mut Account, cx: &Context<'_>) {
        came(account, cx, event.session);
    }
}

/// The client of a session is here: what its device was to be told is forgotten, and the count begins anew.
fn came(account: &mut Account, cx: &Context<'_>, session: SessionId) {
    if !has_registrations(account) {
        return;
    }
    let Some(resource) = account.resource(session) else {
        return;
    };
    let owned = key_of(account, session);
    let all = account.resident::<Registrations>();
    let mine: Vec<Key> = all
        .into_iter()
        .flat_map(|all| &all.0)
        .filter(|(key, one)| match &owned {
            Some(owned) => owned == *key,
            None => one.is_of(resource),
        })
        .map(|(key, _)| key.clone())
        .collect();
    account.resident_mut::<Pending>().disown(session);
    for key in mine {
        pending::forget(account, cx, &key);
        account.resident_mut::<Pending>().own(session, &key);
    }
}

/// Whoever looks at a device is there; whoever does not may be told elsewhere.
impl On<ActivityChanged> for Push {
    fn on(&self, event: &mut ActivityChanged, account: &mut Account, cx: &Context<'_>) {
        if !has_registrations(account) {
            return;
        }
        let now = cx.now();
        let pending = account.resident_mut::<Pending>();
        match event.is_active {
            true => pending.touch(event.session, now),
            false => pending.leave(event.session),
        }
        look_soon(account, cx);
    }
}

/// Whoever was at that device is there no more.
impl On<SessionEnded> for Push {
    fn on(&self, event: &mut SessionEnded, account: &mut Account, cx: &Context<'_>) {
        if !has_registrations(account) {
            return;
        }
        let pending = account.resident_mut::<Pending>();
        pending.leave(event.session);
        pending.disown(event.session);
        look_soon(account, cx);
    }
}

impl OnAccountMessage<Look> for Push {
    fn on_account_message(&self, _: Look, from: &BareJid, account: &mut Account, cx: &Context<'_>) {
        if from != account.jid() {
            return;
        }
        let now = cx.now();
        let pending = account.resident_mut::<Pending>();
        pending.look_at = pending.look_at.filter(|at| *at > now);
        self.look(account, cx);
    }
}

impl OnAccountMessage<Published> for Push {
    fn on_account_message(
        &self,
        published: Published,
        from: &BareJid,
        account: &mut Account,
        cx: &Context<'_>,
    ) {
        if from == account.jid() {
            self.published(published, account, cx);
        }
    }
}

/// After a start: what had to wait before it is looked at again. Later nothing is left to do here, but for accounts
/// that left memory.
impl Job for Push {
    async fn run(&self, host: &Arc<Host>, server: &Arc<Server>) {
        let owners = match server.store().read(Pending::STORED.owners()).await {
            Ok(owners) => owners,
            Err(error) => {
                return tracing::error!(%error, "what devices are to be notified of can't be read");
            }
        };
        for owner in owners {
            if let store::Owner::Account(account) = owner
                && account.domain() == host.domain().as_str()
                && let Err(error) = server.tell_account(&account, &Look {})
            {
                tracing::debug!(%account, %error, "nobody looks what its devices are to be notified of");
            }
        }
    }
}

impl Push {
    /// A message that a session's device did not get: itself, or as a copy.
    fn note_untaken(&self, account: &mut Account, cx: &Context<'_>, key: &Key, stanza: &Stanza) {
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

/// Whether the client of a registration is here, on a connection.
fn is_here(account: &Account, key: &Key) -> bool {
    let all = account.resident::<Registrations>();
    let Some(registration) = all.and_then(|all| all.0.get(key)) else {
        return true;
    };
    let pending = account.resident::<Pending>();
    account.resources().any(|resource| {
        let owned = pending.and_then(|pending| pending.owned(resource.session().id()));
        !resource.session().is_detached() && (registration.is_of(resource) || owned == Some(key))
    })
}

/// The registration that the client of a session made.
fn key_of(account: &Account, session: SessionId) -> Option<Key> {
    account.resident::<Pending>()?.owned(session).cloned()
}

/// Looks what is due in a run of its own, once what this run stores is durable.
fn look_soon(account: &Account, cx: &Context<'_>) {
    let has_something = account
        .resident::<Pending>()
        .is_some_and(|pending| !pending.is_empty());
    if has_something && let Err(error) = cx.tell_account(account.jid(), &Look {}) {
        tracing::debug!(account = %account.jid(), %error, "nobody looks what its devices are to be notified of");
    }
}
