//! A disk, a store over it, and mailboxes loaded from it: what the tests have in common.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use jid::{BareJid, Jid};
use mailbox::{Class, LOG, LoadAnswer, Mailbox, NewEntry, Owed, SessionId, WireKey};
use stanza::{MessageType, Stanza, Timestamp};
use store::{Batch, Collection, Found, Log, Memory, Owner, Page, Seq, Store};
use xml::{Builder, Fragment};

/// The reads of a memory disk are answered on the spot, so every future here is ready at once.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a memory disk makes nobody wait"),
    }
}

/// A key that no mailbox had: an id that still means the same after a load was read with the stored key.
fn fresh_key() -> WireKey {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    WireKey::new(u128::from(DRAWN.fetch_add(1, Ordering::Relaxed)))
}

/// One server life over a disk.
pub(crate) struct World {
    pub(crate) disk: Memory,
    pub(crate) store: Store,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(Memory::new())
    }

    /// The next life over what is on a disk.
    pub(crate) fn over(disk: Memory) -> Self {
        let store = disk.store().unwrap();
        Self { disk, store }
    }

    pub(crate) fn mailbox(&self, account: &str) -> Mailbox {
        let owner = owner(account);
        let answer: LoadAnswer = ready(self.store.read(Mailbox::question(&owner))).unwrap();
        Mailbox::load(owner, answer, fresh_key())
    }

    /// Hands a batch over without writing it.
    pub(crate) fn submit(&self, mailbox: &mut Mailbox, batch: Batch) -> Seq {
        let seq = self.store.submit(batch);
        mailbox.submitted(seq, &self.store);
        seq
    }

    /// Writes all that waits.
    pub(crate) fn write(&self) {
        while self.store.turn(&mut self.disk.clone()) {}
    }

    pub(crate) fn commit(&self, mailbox: &mut Mailbox, batch: Batch) {
        self.submit(mailbox, batch);
        self.write();
    }

    /// The whole log of an account.
    pub(crate) fn log(&self, account: &str) -> Vec<Found<mailbox::Data>> {
        self.entries(LOG, &owner(account))
    }

    /// The highest ordinal of each session in the log of an account: so far its stanzas were handled, as the log proves.
    pub(crate) fn handled(&self, account: &str) -> BTreeMap<SessionId, u64> {
        let mut highest = BTreeMap::new();
        for inbound in self
            .log(account)
            .iter()
            .filter_map(|found| found.entry.data.inbound)
        {
            let ordinal = highest.entry(inbound.session).or_default();
            *ordinal = inbound.ordinal.max(*ordinal);
        }
        highest
    }

    pub(crate) fn entries(
        &self,
        log: Collection<Log<mailbox::Data>>,
        owner: &Owner,
    ) -> Vec<Found<mailbox::Data>> {
        let entries = ready(self.store.read(log.page(owner, Page::default()))).unwrap();
        assert!(!entries.more, "the tests stay below one page");
        entries.found
    }
}

pub(crate) fn owner(account: &str) -> Owner {
    Owner::Account(bare(account))
}

pub(crate) fn bare(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

/// A chat message from romeo to juliet.
pub(crate) fn chat(body: &str) -> Stanza {
    message(
        MessageType::Chat,
        "romeo@example/orchard",
        "juliet@example",
        body,
    )
}

pub(crate) fn message(kind: MessageType, from: &str, to: &str, body: &str) -> Stanza {
    Stanza::message(kind)
        .with_from(Jid::parse(from).unwrap())
        .with_to(Jid::parse(to).unwrap())
        .with_id(body)
        .with_child(Builder::content("body").text(body).build())
}

pub(crate) fn child(text: &str) -> Fragment {
    Fragment::parse(text).unwrap()
}

/// How most tests record: a message of romeo's that came at a second.
pub(crate) fn entry<'a>(
    message: &'a Stanza,
    peer: &'a BareJid,
    class: Class,
    owed: Owed,
) -> NewEntry<'a> {
    NewEntry {
        message,
        class,
        at: at(0),
        peer,
        owed,
        body: None,
        inbound: None,
    }
}

/// The bodies of what waits, in order.
pub(crate) fn waiting(mailbox: &Mailbox) -> Vec<String> {
    mailbox
        .waiting()
        .map(|waiting| waiting.message().unwrap().body().unwrap())
        .collect()
}
