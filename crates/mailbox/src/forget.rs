//! What goes from an account's archive for good: by age, up to a position, with one peer, or all of it; in slices, so
//! that nobody else's messages wait long.
//!
//! Only this mailbox's entries go. The other party's mailbox has its own, and a text that both share stays with it.

use std::time::Duration;

use stanza::Timestamp;
use store::{Batch, EntryId, Found, Owner, Page, Store, StoreError, Trim};

use crate::class::Class;
use crate::limits::{FORGET_INDEXED_SLICE, FORGET_SLICE};
use crate::record::{Data, HOLE, LOG};

/// How long an entry proves how far its session came: as long as a session may be resumed after a crash. Younger ones
/// become holes instead of going altogether.
const PROVES: Duration = Duration::from_secs(24 * 3600);

/// Which entries go. What the owner sent must have [landed](crate::Mailbox::landing) up to the last of them: while it is
/// on its way, the owner's entry is all that holds its text.
#[derive(Clone, Debug)]
pub struct Forget {
    /// When it is.
    pub now: Timestamp,
    /// Only those with this peer, a bare JID. They leave holes, so that nothing is missing between others
    /// ([XEP-0313]).
    ///
    /// [XEP-0313]: https://xmpp.org/extensions/xep-0313.html#business-storeret-user-archives
    pub peer: Option<String>,
    /// Only those up to and with this one.
    pub through: Option<EntryId>,
    /// Only those that came before.
    pub before: Option<Timestamp>,
    /// Those stay that have not been delivered yet.
    pub spares_due: bool,
}

impl Forget {
    /// All of the archive, as it is at this moment.
    #[must_use]
    pub fn all(now: Timestamp) -> Self {
        Self {
            now,
            peer: None,
            through: None,
            before: None,
            spares_due: false,
        }
    }

    /// Removes them, until all are gone, and sees to it that nothing of them can be read from the files. How many went.
    ///
    /// # Errors
    ///
    /// What the store says; what went until then is gone.
    pub async fn run(&self, store: &Store, owner: &Owner) -> Result<u64, StoreError> {
        // What was handed over is stored before, so that it is found.
        let _fate = store.settled(store.submitted()).await;
        let mut page = Page {
            before: self.through.map(|last| EntryId(last.0.saturating_add(1))),
            end: self.before.map(|before| before.as_micros() - 1),
            peer: self.peer.clone(),
            without_bodies: true,
            ..Page::default()
        };
        page.entries_max = match is_indexed_for(store, owner, &page).await? {
            true => FORGET_INDEXED_SLICE,
            false => FORGET_SLICE,
        };
        let mut gone = 0;
        loop {
            let entries = store.read(LOG.page(owner, page.clone())).await?;
            let mut batch = Batch::new();
            gone += self.slice(owner, &entries.found, &mut batch);
            store.settled(store.submit(batch)).await?;
            match entries.found.last() {
                Some(last) if entries.more => page.after = Some(last.entry.id),
                _ => break,
            }
        }
        if gone > 0 {
            let mut batch = Batch::new();
            batch.scrub();
            store.settled(store.submit(batch)).await?;
        }
        Ok(gone)
    }

    /// How many of these messages go.
    fn slice(&self, owner: &Owner, found: &[Found<Data>], batch: &mut Batch) -> u64 {
        let recent = self.now.minus(PROVES).as_micros();
        let mut gone = 0;
        for one in found {
            let entry = &one.entry;
            let is_hole = entry.class == HOLE;
            if (entry.class != Class::Archive.column() && !is_hole)
                || (self.spares_due && entry.due)
            {
                continue;
            }
            gone += u64::from(!is_hole);
            let proves = entry.data.inbound.is_some() && entry.at > recent;
            match (self.peer.is_some() || proves, is_hole) {
                (true, true) => {}
                (true, false) => batch.hollow(LOG, owner, entry.id, HOLE),
                (false, _) => batch.trim(LOG, owner, Trim::One(entry.id)),
            }
        }
        gone
    }
}

/// Whether what the page has stands in an index, each word of which has to be taken out; much of it has the index dropped
/// first.
async fn is_indexed_for(store: &Store, owner: &Owner, page: &Page) -> Result<bool, StoreError> {
    if store.read(LOG.indexed(owner)).await?.is_none() {
        return Ok(false);
    }
    let going = store.read(LOG.page_count(owner, page.clone())).await?;
    Ok(!store.drop_index(LOG, owner, going).await?)
}

/// Removes the holes before the first message that is there: nothing is missing between them and others.
///
/// # Errors
///
/// What the store says.
pub async fn close_first_holes(
    store: &Store,
    owner: &Owner,
    now: Timestamp,
) -> Result<(), StoreError> {
    let recent = now.minus(PROVES).as_micros();
    let mut page = Page {
        end: Some(recent),
        without_bodies: true,
        entries_max: FORGET_SLICE,
        ..Page::default()
    };
    loop {
        let entries = store.read(LOG.page(owner, page.clone())).await?;
        let mut batch = Batch::new();
        let messages = |found: &&Found<Data>| found.entry.class != Class::Archive.column();
        for hole in entries.found.iter().take_while(messages) {
            if hole.entry.class == HOLE {
                batch.trim(LOG, owner, Trim::One(hole.entry.id));
            }
        }
        let is_over = entries.found.iter().any(|found| !messages(&found));
        store.settled(store.submit(batch)).await?;
        match entries.found.last() {
            Some(last) if entries.more && !is_over => page.after = Some(last.entry.id),
            _ => return Ok(()),
        }
    }
}
