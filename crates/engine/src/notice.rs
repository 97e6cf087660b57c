//! What a host says to its users, from its own address: notices, to which nobody can reply.
//!
//! A host takes no messages (the router refuses them) and says so among its features, [XEP-0506].
//!
//! [XEP-0506]: https://xmpp.org/extensions/xep-0506.html

use std::sync::Arc;

use jid::{BareJid, Jid};
use serde::{Deserialize, Serialize};
use stanza::{MessageType, Stanza};
use xml::Builder;

use crate::{
    envelope::Envelope,
    environment::{Environment, let_others_work, random_id},
    host::{Host, HostFacts},
    server::Server,
};

/// The feature of an entity that takes no messages, [XEP-0506 §4](https://xmpp.org/extensions/xep-0506.html#rules).
pub(crate) const NS_NO_REPLY: &str = "urn:xmpp:noreply:0";

/// How many are told at once, before others have the worker and the disk catches up.
const CHUNK: usize = 256;

/// Whom a host tells something, as its configuration says: `"admins"`, or a list of accounts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected \"admins\" or a list of accounts")]
pub enum Audience {
    /// The administrators of the configuration.
    Role(AudienceRole),
    /// These.
    Accounts(Vec<BareJid>),
}

/// The word for them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AudienceRole {
    /// The administrators of the configuration.
    Admins,
}

impl Audience {
    /// The accounts that are meant.
    #[must_use]
    pub fn accounts(self, host: &HostFacts) -> Vec<BareJid> {
        match self {
            Self::Role(AudienceRole::Admins) => host.admins.clone(),
            Self::Accounts(accounts) => accounts,
        }
    }
}

/// An operator's text about an account, with `{username}` and `{host}` filled in.
#[must_use]
pub fn fill_in(text: &str, account: &BareJid) -> String {
    text.replace("{username}", account.local().unwrap_or_default())
        .replace("{host}", account.domain())
}

impl Host {
    /// The host says `text`. A headline is for those who are there; anything else waits for the others.
    #[must_use]
    pub fn notice(
        &self,
        environment: &dyn Environment,
        to: Jid,
        kind: MessageType,
        text: &str,
    ) -> Envelope {
        let notice = Stanza::message(kind)
            .with_id(&random_id(environment))
            .with_child(Builder::content("body").text(text).build());
        Envelope::from_host(self.domain(), to, notice)
    }
}

impl Server {
    /// Says `text` to many accounts, a chunk at a time: before the next, all of the last are loaded, have got or kept
    /// it, and the disk has caught up.
    pub async fn notify(
        self: &Arc<Self>,
        host: &Host,
        accounts: &[BareJid],
        kind: MessageType,
        text: &str,
    ) {
        for chunk in accounts.chunks(CHUNK) {
            for account in chunk {
                let to = account.clone().into();
                self.route(host.notice(self.environment(), to, kind, text));
            }
            for account in chunk {
                if let Ok(Some(cell)) = self.account(account).await {
                    self.retire_idle(&cell);
                }
            }
            // What was not stored has come back already.
            let _fate = self.store().settled(self.store().submitted()).await;
            let_others_work().await;
        }
    }

    /// The accounts of a host somebody is signed in to, by address.
    #[must_use]
    pub fn accounts_online(&self, host: &Host) -> Vec<BareJid> {
        let mut online: Vec<BareJid> = self
            .list_sessions()
            .into_iter()
            .map(|session| session.full_jid.bare())
            .filter(|account| account.domain() == host.domain().as_str())
            .collect();
        online.dedup();
        online
    }
}
