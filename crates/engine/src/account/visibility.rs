//! Who sees an account, and how it hides from one of them and shows itself again: what blocking needs.

use std::collections::BTreeSet;

use jid::Jid;
use stanza::{PresenceType, Stanza};

use super::{Account, noted, presence};
use crate::{envelope::Envelope, pipeline::Context, session::SessionId};

impl Account {
    /// Whether its contact list lets `peer`, or the contact whose resource that is, see its presence.
    #[must_use]
    pub fn is_seen_by(&self, peer: &Jid) -> bool {
        presence::is_broadcast_to(self, peer)
    }

    /// Everybody who may see its presence, once: contacts, and addresses to which a resource directed its
    /// presence.
    #[must_use]
    pub fn watchers(&self) -> BTreeSet<Jid> {
        let contacts = self
            .contacts()
            .standings()
            .filter(|contact| contact.standing().state.is_seen_by_contact())
            .map(|contact| Jid::from(contact.jid()));
        let directed = self
            .resources()
            .flat_map(|resource| resource.directed())
            .filter(|target| !self.is_seen_by(target))
            .cloned();
        contacts.chain(directed).collect()
    }

    /// Makes each resource that `peer` sees unavailable to it. That is all: who is not to see what comes next
    /// is kept from it by a screen of [`PeerAddressed`](crate::pipeline::events::PeerAddressed).
    pub fn withdraw_presence(&mut self, cx: &Context<'_>, peer: &Jid) {
        let sessions: Vec<SessionId> = self
            .resources()
            .map(|resource| resource.session().id())
            .collect();
        for id in sessions {
            self.withdraw_resource(cx, peer, id);
        }
    }

    fn withdraw_resource(&mut self, cx: &Context<'_>, peer: &Jid, id: SessionId) {
        let is_contact = self.is_seen_by(peer);
        let Some(resource) = self.resource_mut(id) else {
            return;
        };
        let (told, kept): (BTreeSet<Jid>, BTreeSet<Jid>) = std::mem::take(&mut resource.directed)
            .into_iter()
            .partition(|target| is_part_of(target, peer));
        resource.directed = kept;
        let is_noted = !told.is_empty();
        let targets = match is_contact && resource.is_available() {
            true => BTreeSet::from([peer.clone()]),
            false => told,
        };
        let from = resource.full_jid().clone();
        for target in targets {
            let gone = Stanza::presence(PresenceType::Unavailable);
            cx.route(Envelope::from_resource(&from, target, gone));
        }
        if is_noted {
            noted::changed(self, cx, id);
        }
    }

    /// Shows a contact the presence it may see, and asks for the contact's, as if both had just met again.
    pub fn renew_presence(&self, cx: &Context<'_>, peer: &Jid) {
        if !self.resources().any(super::Resource::is_available) {
            return;
        }
        if self.is_seen_by(peer) {
            presence::send_presence(self, cx, peer, None, false);
        }
        let sees = self.contacts().standing(&peer.bare()).state.sees_contact();
        if sees && !peer.is_full() {
            let probe = Stanza::presence(PresenceType::Probe);
            cx.route(Envelope::from_account(self.jid(), peer.clone(), probe));
        }
    }
}

/// Whether `target` is `peer` or one of its resources.
fn is_part_of(target: &Jid, peer: &Jid) -> bool {
    target == peer || target.bare_str() == peer.as_str()
}
