//! What an account's archive keeps: what a message is worth to each of both sides, and the sender's own copy.
//!
//! Both owners have an entry of their own. The sender's is recorded when the message has passed the sender's screens,
//! the recipient's when it has passed the recipient's ([`mail`](super::mail)); a message to the own account has one, where it arrives.
//! Whose mailboxes live in one home share one stored text.

use std::sync::Arc;

use jid::{BareJid, Jid};
use mailbox::{Archiving, Class, Forget, Inbound, LOG, NewEntry, Owed, classify};
use stanza::Stanza;
use store::{EntryId, Owner, StoreError};

use super::{Account, CellState, mail};
use crate::{
    envelope::Envelope,
    pipeline::{Context, events::MessageSent},
    server::Server,
    session::Session,
};

/// What clients read from the archive needs no delivery any more.
impl Account {
    /// A client got these entries from the archive. What a session has in hand it accepts itself.
    pub fn has_read(&mut self, cx: &Context<'_>, entries: impl IntoIterator<Item = EntryId>) {
        let read = self.mailbox.read(entries);
        mail::clear(self, cx, read);
    }

    /// A client has, or can have, everything that the archive shows up to a position.
    pub fn has_read_through(&mut self, cx: &Context<'_>, through: EntryId) {
        let read = self.mailbox.synced(through);
        mail::clear(self, cx, read);
    }
}

impl Server {
    /// Removes entries of an account's archive, as it is at this moment. How many went.
    ///
    /// # Errors
    ///
    /// What the store says; what went until then is gone.
    pub async fn forget(&self, jid: &BareJid, forget: Forget) -> Result<u64, StoreError> {
        let owner = Owner::Account(jid.clone());
        // What is sent from now on is not meant.
        let newest = match self.in_memory(jid, |account| account.mailbox.newest()) {
            Some(newest) => newest,
            None => self
                .store()
                .read(LOG.newest(&owner))
                .await?
                .unwrap_or_default(),
        };
        self.landed(jid).await;
        let through = forget.through.map_or(newest, |id| id.min(newest));
        let forget = Forget {
            through: Some(through),
            ..forget
        };
        forget.run(self.store(), &owner).await
    }

    /// Waits until what an account has sent has arrived: as long as it is on its way, its text is held by the entry in the
    /// sender's archive alone.
    pub async fn landed(&self, jid: &BareJid) {
        if let Some(landing) = self.in_memory(jid, |account| account.mailbox.landing()) {
            landing.await;
        }
    }

    /// Looks at an account if it is in memory.
    fn in_memory<R>(&self, jid: &BareJid, look: impl FnOnce(&mut Account) -> R) -> Option<R> {
        let cell = self.known_account(jid)?;
        match &mut *cell.lock() {
            CellState::Ready(account) => Some(look(account)),
            CellState::Loading { .. } | CellState::Gone { .. } => None,
        }
    }
}

/// What a message that came is kept for. Nothing of an anonymous account is ever stored.
pub(crate) fn class_of(account: &Account, cx: &Context<'_>, envelope: &Envelope) -> Class {
    if account.is_anonymous() {
        return Class::None;
    }
    let (stanza, from) = (envelope.stanza(), envelope.from());
    let is_archived = archives(account, cx, from)
        && (!stanza.kind().is_error() || is_bounce(account, from, stanza));
    classify(
        stanza,
        match is_archived {
            true => Archiving::On,
            false => Archiving::Off,
        },
    )
}

/// Whether anybody would keep it at all.
pub(crate) fn is_kept(account: &Account, message: &Stanza) -> bool {
    !account.is_anonymous() && classify(message, Archiving::Off) != Class::None
}

/// Where a message goes that passed its sender's stages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Passed {
    /// To whom it is for.
    OnItsWay,
    /// Nowhere: it is sent again, and has been there.
    BeenThere,
}

/// The account's session sent a message that passed its screens: its archive keeps it, and nobody has to get it from
/// there.
pub(crate) fn record_sent(
    account: &mut Account,
    cx: &Context<'_>,
    event: &mut MessageSent,
) -> Passed {
    let envelope = &mut event.envelope;
    let to = envelope.to().clone();
    let before = account
        .resends
        .take(envelope.stanza(), to.bare_str(), || cx.now());
    if let Some(before) = before {
        event.archived = account.mailbox.wire_id(before.entry, Class::Archive);
        if before.is_handled == Some(true) {
            return Passed::BeenThere;
        }
        // What the recipient's mailbox records is counted in the same batch, if it is all that the stanza does.
        if before.is_handled.is_none() || !envelope.is_whole() {
            envelope.may_have_come();
        }
        return Passed::OnItsWay;
    }
    let is_own = to.bare_str() == account.jid().as_str();
    if account.is_anonymous() || is_own || !archives(account, cx, &to) {
        return Passed::OnItsWay;
    }
    let stanza = envelope.stanza();
    if stanza.kind().is_error() || classify(stanza, Archiving::On) != Class::Archive {
        return Passed::OnItsWay;
    }
    let inbound = envelope.session().and_then(|session| inbound(session));
    let message = stanza.as_ref().clone().with_to(Some(to.clone()));
    let body = is_account_here(cx, &to).then(|| {
        let id = cx.server().store().new_body_id();
        let mut batch = cx.batch();
        Arc::new(account.mailbox.send_body(id, message.clone(), &mut batch))
    });
    let new = NewEntry {
        message: &message,
        class: Class::Archive,
        at: cx.timestamp(),
        peer: &to.bare(),
        owed: Owed::Nobody,
        body: body.as_deref(),
        inbound,
    };
    let recorded = account.mailbox.record(&new, &mut cx.batch());
    match recorded {
        Ok(recorded) => {
            event.archived = recorded.wire_id;
            cx.bounce_if_lost(envelope.stanza(), envelope.gates().needs);
            if let Some(body) = body {
                envelope.set_body(body);
            }
            mail::settle(account, cx);
        }
        Err(refused) => {
            tracing::error!(account = %account.jid(), %refused, "a sent message was not archived");
        }
    }
    Passed::OnItsWay
}

/// Which stanza of its session it is, as the log has it.
pub(super) fn inbound(session: &Session) -> Option<Inbound> {
    if !session.has_acks() {
        return None;
    }
    let outbox = session.outbox();
    outbox.acks.as_ref().and_then(|acks| acks.inbound())
}

/// Whether the feature that has archives keeps the conversation with `peer`.
pub(super) fn archives(account: &Account, cx: &Context<'_>, peer: &Jid) -> bool {
    let decides = cx.host().archives();
    decides.is_some_and(|archives| archives(peer, account))
}

/// Whether an error answers a message that the archive has lately kept.
fn is_bounce(account: &Account, from: &Jid, error: &Stanza) -> bool {
    let id = error.id();
    id.is_some_and(|id| account.mailbox.has_sent(from.bare_str(), id))
}

/// Whether there may be an account at this address whose mailbox is in this home.
fn is_account_here(cx: &Context<'_>, to: &Jid) -> bool {
    let server = cx.server();
    to.local().is_some() && server.serves(to.domain()) && server.link_to(|| to.bare_str()).is_none()
}
