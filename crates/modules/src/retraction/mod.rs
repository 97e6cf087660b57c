//! # Message Retraction
//!
//! Who takes a message back takes it out of the archives, of both sides: a tombstone stands in its place, and the
//! retraction itself is kept, so that devices that were away learn of it. Only the author can. What was delivered is
//! the clients' to remove.
//!
//! Spec: [XEP-0424](https://xmpp.org/extensions/xep-0424.html) 0.4.2, between users. A message is found by the id its
//! author gave it, among the newest of the conversation. One that was only corrected stays as it was sent.
//!
//! `tests/` holds the transcripts.

use std::sync::Arc;

use engine::{
    Authentication, HostFacts, Server,
    account::Account,
    module::{ConfigError, Module, NoConfig, On, Spec, Wiring},
    pipeline::{
        Context, Stage,
        events::{MessageArrived, MessageSent},
    },
};
use jid::{BareJid, Jid};
use mailbox::{Class, Data, LOG};
use stanza::{Kind, MessageType, Stanza, Timestamp, hints::Hints, ids};
use store::{Batch, Found, Owner, Page, StoreError};
use xml::Builder;

/// The namespace.
const NS: &str = "urn:xmpp:message-retract:1";

/// Tombstones stand in archives, [§4](https://xmpp.org/extensions/xep-0424.html#tombstones).
const NS_TOMBSTONE: &str = "urn:xmpp:message-retract:1#tombstone";

/// So many of the newest messages of a conversation are looked at for the one that is taken back. An older one stays.
const LOOKED_AT_MAX: usize = 2_000;

/// Of these, so many in one read.
const LOOKED_AT: usize = 500;

/// The feature.
pub struct MessageRetraction;

impl Module for MessageRetraction {
    const NAME: &'static str = "retraction";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0424", "0.4.2").except("retraction in rooms")];
    type Config = NoConfig;

    fn new(_: NoConfig, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_archives = host.authentication == Authentication::Accounts;
        Ok(has_archives.then_some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        for feature in [NS, NS_TOMBSTONE] {
            wiring.disco_feature(feature).disco_account_feature(feature);
        }
        wiring
            .on::<MessageSent>(Stage::Fork)
            .on::<MessageArrived>(Stage::Fork);
    }
}

/// The author's own archive.
impl On<MessageSent> for MessageRetraction {
    fn on(&self, event: &mut MessageSent, account: &mut Account, cx: &Context<'_>) {
        let peer = event.envelope.to().bare();
        take_back(event.stanza(), &peer, account.jid(), account, cx);
    }
}

/// The archive of the one it was sent to.
impl On<MessageArrived> for MessageRetraction {
    fn on(&self, event: &mut MessageArrived, account: &mut Account, cx: &Context<'_>) {
        let author = event.envelope.from().bare();
        take_back(event.stanza(), &author, &author, account, cx);
    }
}

/// Afterwards: nobody waits for it.
fn take_back(
    message: &Stanza,
    peer: &BareJid,
    author: &BareJid,
    account: &Account,
    cx: &Context<'_>,
) {
    let Kind::Message(MessageType::Chat | MessageType::Normal) = message.kind() else {
        return;
    };
    let Some(retract) = message.child("retract", NS) else {
        return;
    };
    let hints = Hints::of(message);
    let is_stored = !hints.no_store && !hints.no_permanent_store;
    let tree = retract.tree();
    let (Some(of), Some(by), true) = (tree.root().attr("id"), message.id(), is_stored) else {
        return;
    };
    if account.is_anonymous() {
        return;
    }
    let retraction = Retraction {
        owner: account.owner().clone(),
        peer: peer.to_string(),
        author: author.clone(),
        of: of.into_owned(),
        by: by.to_owned(),
        at: cx.timestamp(),
    };
    let server = Arc::clone(cx.server());
    cx.server().environment().spawn(Box::pin(async move {
        if let Err(error) = retraction.run(&server).await {
            let owner = &retraction.owner;
            tracing::error!(%owner, %error, "a message was taken back, and an archive still has it");
        }
    }));
}

/// What is to be taken back in one archive.
struct Retraction {
    owner: Owner,
    peer: String,
    author: BareJid,
    /// The id of the message.
    of: String,
    /// The id of the retraction.
    by: String,
    at: Timestamp,
}

impl Retraction {
    async fn run(&self, server: &Server) -> Result<(), StoreError> {
        let store = server.store();
        // It may have been sent just before. While it is on its way, this archive's entry may be all that holds its text.
        if let Owner::Account(jid) = &self.owner {
            server.landed(jid).await;
        }
        let _ = store.settled(store.submitted()).await;
        let mut page = Page {
            peer: Some(self.peer.clone()),
            class: Some(Class::Archive.column()),
            backwards: true,
            entries_max: LOOKED_AT,
            without_bodies: true,
            ..Page::default()
        };
        for _ in 0..LOOKED_AT_MAX / LOOKED_AT {
            let entries = store.read(LOG.page(&self.owner, page.clone())).await?;
            if let Some(found) = entries.found.iter().rev().find(|found| self.means(found)) {
                return match self.tombstone(found) {
                    None => Ok(()),
                    Some(tombstone) => {
                        let mut batch = Batch::new();
                        batch.tombstone(LOG, &self.owner, found.entry.id, &tombstone);
                        store.settled(store.submit(batch)).await
                    }
                };
            }
            match entries.found.first() {
                Some(first) if entries.more => page.before = Some(first.entry.id),
                _ => break,
            }
        }
        Ok(())
    }

    /// Whether it is this message, and its author who takes it back,
    /// [§5](https://xmpp.org/extensions/xep-0424.html#rules). A retraction is not taken back.
    fn means(&self, found: &Found<Data>) -> bool {
        let entry = &found.entry;
        if found.tombstone || !entry.xml.contains(self.of.as_str()) && *entry.message_id != *self.of
        {
            return false;
        }
        let is_by_author =
            Jid::parse(&entry.sender).is_ok_and(|sender| sender.bare_str() == self.author.as_str());
        is_by_author
            && Stanza::from_stored(entry.xml.as_bytes()).is_ok_and(|message| {
                message.id() == Some(self.of.as_str())
                    || ids::origin_id(&message).as_deref() == Some(self.of.as_str())
                    || *entry.message_id == *self.of
            })
    }

    /// The message with nothing in it but that it was taken back.
    fn tombstone(&self, found: &Found<Data>) -> Option<String> {
        let message = Stanza::from_stored(found.entry.xml.as_bytes()).ok()?;
        let retracted = Builder::new("retracted", NS)
            .attr("id", self.by.as_str())
            .attr("stamp", self.at.whole_seconds().to_string())
            .build();
        let tombstone = message.without_children().with_child(retracted);
        String::from_utf8(tombstone.to_stored()).ok()
    }
}
