//! Messages that a client sends again because it was not told what became of them: after a crash, or when its session
//! could not be resumed ([XEP-0198 §5]). What the account's archive has of them keeps its place there ([XEP-0313 §6.1.1],
//! once per archive), and recipients who have them are not given them again.
//!
//! A message is known by the id that its sender gave it ([XEP-0359 §2.2]), by whom it is for and by what it says: a client
//! that uses an id twice must not lose a message. Only what one session sent is looked for, when that is asked for and not
//! resumed or when it comes back after a crash, and for a while; who sends a message is not looked up otherwise.
//!
//! [XEP-0198 §5]: https://xmpp.org/extensions/xep-0198.html#resumption
//! [XEP-0313 §6.1.1]: https://xmpp.org/extensions/xep-0313.html#business-storeret-user-archives
//! [XEP-0359 §2.2]: https://xmpp.org/extensions/xep-0359.html#origin-id

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use jid::BareJid;
use mailbox::{Class, Data, LOG, message_id, message_of};
use stanza::{Stanza, delay, ids};
use store::{EntryId, Found, Owner, Page, Store, StoreError};

use crate::{envelope::Envelope, pipeline::Gates, server::Server, session::SmId};

/// So many of the newest entries of a log are looked at, and so many messages of an account are known that may be sent
/// again. Older ones are taken for new ones.
const TAIL: usize = 64;

/// For so long. A client sends again what it has to as soon as it has a session.
const EXPECTED: Duration = Duration::from_secs(600);

/// A message that the archive of its sender has.
#[derive(Clone, Debug)]
pub(crate) struct SentBefore {
    pub(super) entry: EntryId,
    /// Whether everybody it was for has it, or its sender was told that they have not; where that is known.
    pub(super) is_handled: Option<bool>,
    peer: Arc<str>,
    message_id: Arc<str>,
    said: u64,
}

/// What an account may send again; hardly any account may.
#[derive(Debug, Default)]
pub(crate) struct Resends(Option<Box<Expected>>);

#[derive(Debug)]
struct Expected {
    until: Instant,
    sent: Vec<SentBefore>,
}

impl Resends {
    /// These may be sent again, newest last.
    pub(crate) fn expect(&mut self, sent: Vec<SentBefore>, now: Instant) {
        if sent.is_empty() {
            return;
        }
        let before = self.0.take().map(|expected| expected.sent);
        let mut all = before.unwrap_or_default();
        all.retain(|known| sent.iter().all(|one| one.entry != known.entry));
        all.extend(sent);
        all.drain(..all.len().saturating_sub(TAIL));
        self.0 = Some(Box::new(Expected {
            until: now + EXPECTED,
            sent: all,
        }));
    }

    /// What the archive has of a message to `peer`, a bare JID, if it is sent again.
    pub(super) fn take(
        &mut self,
        message: &Stanza,
        peer: &str,
        now: impl FnOnce() -> Instant,
    ) -> Option<SentBefore> {
        let expected = self.0.as_mut()?;
        if expected.until < now() {
            self.0 = None;
            return None;
        }
        let (id, said) = (message_id(message), said(message));
        let is_it = |it: &SentBefore| *it.peer == *peer && *it.message_id == *id && it.said == said;
        let place = expected.sent.iter().position(is_it)?;
        let found = expected.sent.remove(place);
        if expected.sent.is_empty() {
            self.0 = None;
        }
        Some(found)
    }
}

/// How far a session is handled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handled {
    /// It comes back, and its client is told how far: what is behind that is sent again.
    Through(u64),
    /// It is over, and its client was told this, modulo 2^32, if anything: all may be sent again.
    Over(Option<u32>),
}

impl Handled {
    fn covers(self, ordinal: u64) -> Option<bool> {
        match self {
            Self::Through(handled) => Some(ordinal <= handled),
            // Half of all numbers are behind the others.
            Self::Over(h) => h.map(|h| h.wrapping_sub(ordinal as u32) <= u32::MAX / 2),
        }
    }
}

/// What the archive has lately kept of what these sessions sent and may send again, newest last. Without an id nothing
/// is known again that has been handled.
pub(super) async fn sent_lately(
    store: &Store,
    owner: &Owner,
    sessions: &[(SmId, Handled)],
) -> Result<Vec<SentBefore>, StoreError> {
    let tail = Page {
        class: Some(Class::Archive.column()),
        backwards: true,
        entries_max: TAIL,
        ..Page::default()
    };
    let found = store.read(LOG.page(owner, tail)).await?.found;
    let sent = found.into_iter().filter_map(|found| {
        let inbound = found.entry.data.inbound?;
        let is_sender = |it: &&(SmId, Handled)| it.0.in_log() == inbound.session;
        let (_, handled) = sessions.iter().find(is_sender)?;
        let is_handled = handled.covers(inbound.ordinal);
        let is_again = match handled {
            Handled::Through(_) => is_handled == Some(false),
            Handled::Over(_) => is_handled == Some(false) || !found.entry.message_id.is_empty(),
        };
        if !is_again {
            return None;
        }
        Some(SentBefore {
            entry: found.entry.id,
            is_handled,
            said: said(&message_of(&found).ok()?),
            peer: found.entry.peer,
            message_id: found.entry.message_id,
        })
    });
    Ok(sent.collect())
}

/// What a message says, whoever it passed: without what servers add, and without the moment at which its client tried
/// before.
fn said(message: &Stanza) -> u64 {
    let mut hasher = DefaultHasher::new();
    for child in message.children() {
        let is_added = child.is("delay", delay::NS) || child.is("stanza-id", ids::NS);
        if !is_added {
            child.as_str().hash(&mut hasher);
        }
    }
    hasher.finish()
}

impl Server {
    /// A session of the account is not resumed, whose client may send again what it sent on it. The client knows how many
    /// stanzas were handled, if we do, modulo 2^32.
    pub(crate) async fn expect_resends(
        self: &Arc<Self>,
        jid: &BareJid,
        id: SmId,
        h: Option<u32>,
    ) -> Result<(), StoreError> {
        let owner = Owner::Account(jid.clone());
        let session = (id, Handled::Over(h));
        let sent = sent_lately(self.store(), &owner, &[session]).await?;
        if sent.is_empty() {
            return Ok(());
        }
        if let Some(cell) = self.account(jid).await? {
            self.visit(&cell, Gates::OPEN, |account, cx| {
                account.resends.expect(sent, cx.now());
            });
        }
        Ok(())
    }

    /// A message that its sender's archive had before: whoever has it is not given it again. Its session waits for that.
    pub(crate) fn route_unless_it_came(self: &Arc<Self>, envelope: Envelope) {
        let server = Arc::clone(self);
        self.environment().spawn(Box::pin(async move {
            match came_before(server.store(), &envelope).await {
                Ok(true) => drop(envelope),
                Ok(false) => server.route(envelope),
                Err(error) => {
                    tracing::error!(account = envelope.to().bare_str(), %error, "a mailbox can't be read; a message may come twice");
                    server.route(envelope);
                }
            }
        }));
    }
}

/// Whether the recipient's mailbox has the message: in its archive, or because it is due.
async fn came_before(store: &Store, envelope: &Envelope) -> Result<bool, StoreError> {
    let (message, from) = (envelope.stanza(), envelope.from().bare_str());
    let id = message_id(message);
    if id.is_empty() {
        return Ok(false);
    }
    let _fate = store.settled(store.submitted()).await;
    let owner = Owner::Account(envelope.to().bare());
    let newest = Page {
        backwards: true,
        entries_max: TAIL,
        ..Page::default()
    };
    let archived = Page {
        peer: Some(from.to_owned()),
        ..newest.clone()
    };
    let due = Page {
        due: true,
        ..newest
    };
    let question = (LOG.page(&owner, archived), LOG.page(&owner, due));
    let (archived, due) = store.read(question).await?;
    let said_now = said(message);
    let is_it = |found: &Found<Data>| {
        let sender = found.entry.sender.split('/').next();
        sender == Some(from)
            && *found.entry.message_id == *id
            && message_of(found).is_ok_and(|before| said(&before) == said_now)
    };
    Ok(archived.found.iter().chain(&due.found).any(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: &str =
        "<message id='m1'><body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>";

    #[test]
    fn what_is_sent_again_is_known_once() {
        let (mut resends, now) = expected(AGAIN);
        let mut take = |xml, peer| {
            let found = resends.take(&message(xml), peer, || now);
            found.map(|found| found.entry)
        };
        for other in [
            "<message id='m2'><body>hi</body></message>",
            "<message id='o1'><body>hello</body></message>",
            "<message id='m1'><body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='o2'/></message>",
        ] {
            assert_eq!(take(other, "juliet@example"), None, "{other}");
        }
        assert_eq!(take(AGAIN, "nurse@example"), None);
        let later = "<message id='m1'><body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/>\
                     <delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/></message>";
        assert_eq!(take(later, "juliet@example"), Some(EntryId(7)));
        assert_eq!(take(AGAIN, "juliet@example"), None);
    }

    #[test]
    fn it_is_known_for_a_while() {
        let (mut resends, now) = expected(AGAIN);
        let late = now + EXPECTED + Duration::from_secs(1);
        let found = resends.take(&message(AGAIN), "juliet@example", || late);
        assert!(found.is_none() && resends.0.is_none());
    }

    #[test]
    fn counts_go_round() {
        for (handled, ordinal, is_covered) in [
            (Handled::Through(3), 3, Some(true)),
            (Handled::Through(3), 4, Some(false)),
            (Handled::Over(None), 1, None),
            (Handled::Over(Some(3)), 3, Some(true)),
            (Handled::Over(Some(3)), 4, Some(false)),
            (Handled::Over(Some(1)), (1 << 32) - 1, Some(true)),
            (Handled::Over(Some(u32::MAX)), 1 << 32, Some(false)),
        ] {
            assert_eq!(handled.covers(ordinal), is_covered, "{handled:?} {ordinal}");
        }
    }

    #[test]
    fn the_newest_are_expected() {
        let mut resends = Resends::default();
        let sent = (0..100).map(|id| SentBefore {
            entry: EntryId(id),
            ..before(AGAIN)
        });
        resends.expect(sent.collect(), now());
        let sent = resends.0.map(|expected| expected.sent).unwrap_or_default();
        assert_eq!((sent.len(), sent[0].entry), (TAIL, EntryId(36)));
    }

    fn expected(xml: &str) -> (Resends, Instant) {
        let (mut resends, now) = (Resends::default(), now());
        resends.expect(vec![before(xml)], now);
        (resends, now)
    }

    fn before(xml: &str) -> SentBefore {
        let message = message(xml);
        SentBefore {
            entry: EntryId(7),
            is_handled: Some(false),
            peer: "juliet@example".into(),
            message_id: message_id(&message).as_ref().into(),
            said: said(&message),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn now() -> Instant {
        Instant::now()
    }

    fn message(xml: &str) -> Stanza {
        Stanza::from_stored(xml.as_bytes()).expect("a stanza")
    }
}
