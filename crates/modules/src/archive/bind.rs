//! What a session is told of the archive as it binds, [XEP-0386], and what it is not given any more: it reads the archive
//! up to here, and what comes later comes live.
//!
//! [XEP-0386]: https://xmpp.org/extensions/xep-0386.html#bind

use std::sync::Arc;

use engine::{Server, account::Account, module::AtBind, pipeline::Context, session::SessionId};
use jid::BareJid;
use stanza::Timestamp;
use store::{EntryId, Gate, Owner};
use xml::Fragment;

use super::{MessageArchive, page, protocol, query::everything};

/// A position and when it was drawn.
type At = (EntryId, Timestamp);

impl AtBind for MessageArchive {
    /// The ends of the archive; `Err` when it can't be read, and then nothing is said of it.
    type Read = Result<Option<(At, At)>, ()>;

    async fn before_bind(&self, account: &BareJid, server: &Arc<Server>) -> Self::Read {
        let owner = Owner::Account(account.clone());
        let ends = page::ends(server.store(), &owner, &everything()).await;
        let at = |found: &store::Found<_>| {
            let entry: &store::Entry<mailbox::Data> = &found.entry;
            (entry.id, Timestamp::from_micros(entry.at))
        };
        let ends = ends.map_err(drop)?;
        Ok(ends.map(|(first, last)| (at(&first), at(&last))))
    }

    /// What is not on disk yet is not told of: it may never be, and its position be drawn again. It comes as what waited
    /// for the session.
    fn at_bind(
        &self,
        read: &Self::Read,
        _: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Option<Fragment> {
        let read = read.as_ref().ok()?;
        let mailbox = account.mailbox();
        let is_durable = cx.server().store().gate(mailbox.last_batch()) == Gate::Durable;
        let since = mailbox.latest().filter(|_| is_durable);
        let ends = match (*read, since) {
            (Some((first, last)), Some(since)) => Some((first, last.max(since))),
            (Some(ends), None) => Some(ends),
            (None, since) => since.map(|only| (only, only)),
        };
        let key = mailbox.wire_key();
        if let Some((_, (last, _))) = ends {
            account.has_read_through(cx, last);
        }
        let seal = |(id, at): At| (key.seal(id), at);
        Some(protocol::metadata(
            ends.map(|(first, last)| (seal(first), seal(last))),
        ))
    }
}
