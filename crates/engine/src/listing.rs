//! What an operator's `session list` shows.

use jid::FullJid;

use crate::{account::CellState, server::Server};

/// One session, for people to look at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionInfo {
    /// Its full JID.
    pub full_jid: FullJid,
    /// The priority of its presence; `None` while it is not available.
    pub priority: Option<i8>,
    /// Whether acks (XEP-0198) are on.
    pub has_acks: bool,
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
            sessions.extend(account.resources().map(|resource| SessionInfo {
                full_jid: resource.full_jid().clone(),
                priority: resource.presence().map(|presence| presence.priority),
                has_acks: resource.session().has_acks(),
            }));
        }
        sessions
    }
}
