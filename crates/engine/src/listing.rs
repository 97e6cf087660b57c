//! What an operator's `session list` shows.

use jid::FullJid;
use stanza::Timestamp;

use crate::{
    account::{CellState, Resource},
    permission::Role,
    server::Server,
};

/// One session, for people to look at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionInfo {
    /// Its full JID.
    pub full_jid: FullJid,
    /// The priority of its presence; `None` while it is not available.
    pub priority: Option<i8>,
    /// Whether acks (XEP-0198) are on.
    pub has_acks: bool,
    /// Whether it can be resumed.
    pub is_resumable: bool,
    /// Whether it has no connection and waits to be resumed.
    pub is_detached: bool,
    /// Since when it has the presence it has now.
    pub present_since: Option<Timestamp>,
    /// Whether it asked for the roster, and so gets pushes.
    pub is_interested: bool,
    /// What it may do.
    pub role: Role,
    /// How many addresses it sent directed presence to, which learn of its end.
    pub directed_presences: usize,
    /// Whether its client said that its user does not look (XEP-0352).
    pub is_inactive: bool,
    /// How many stanzas wait until something important comes for such a client.
    pub held_stanzas: usize,
    /// How many bytes wait for it, written and not acknowledged ones included, stored messages not.
    pub outbox_bytes: usize,
    /// How many stanzas came for it while it could not be written to, and wait.
    pub waiting_stanzas: usize,
}

impl SessionInfo {
    fn of(resource: &Resource) -> Self {
        let (session, presence) = (resource.session(), resource.presence());
        let outbox = session.outbox();
        let unacked_bytes = outbox.acks.as_ref().map_or(0, |acks| acks.unacked_bytes());
        Self {
            full_jid: resource.full_jid().clone(),
            priority: presence.map(|presence| presence.priority),
            has_acks: session.has_acks(),
            is_resumable: outbox.resumption().is_some(),
            is_detached: outbox.is_detached(),
            present_since: presence.map(|presence| presence.since),
            is_interested: resource.is_interested(),
            role: session.role(),
            directed_presences: resource.directed().count(),
            is_inactive: session.is_inactive(),
            held_stanzas: outbox.held_stanzas(),
            outbox_bytes: outbox.bytes() + unacked_bytes,
            waiting_stanzas: outbox.resumption().map_or(0, |it| it.waiting.len()),
        }
    }
}

impl Server {
    /// How many accounts are in memory, or on their way there.
    #[must_use]
    pub fn accounts_in_memory(&self) -> usize {
        self.registry.len()
    }

    /// All sessions, by account and then in the order they bound. Takes each account's lock for a
    /// moment: for people, not for programs.
    #[must_use]
    pub fn list_sessions(&self) -> Vec<SessionInfo> {
        let mut sessions = Vec::new();
        for cell in self.registry.all() {
            let state = cell.lock();
            let CellState::Ready(account) = &*state else {
                continue;
            };
            sessions.extend(account.resources().map(SessionInfo::of));
        }
        sessions
    }

    /// One session.
    #[must_use]
    pub fn session_info(&self, full_jid: &FullJid) -> Option<SessionInfo> {
        let cell = self.registry.get(full_jid.bare_str())?;
        let state = cell.lock();
        let CellState::Ready(account) = &*state else {
            return None;
        };
        let resource = account.resource_by_jid(&full_jid.into())?;
        Some(SessionInfo::of(resource))
    }
}
