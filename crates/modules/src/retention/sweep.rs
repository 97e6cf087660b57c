//! Looking through archives for what is too old or too much.

use std::sync::Arc;

use engine::{Host, Server};
use jid::BareJid;
use mailbox::{Class, Forget, LOG, close_first_holes};
use stanza::Timestamp;
use store::{Batch, EntryId, Owner, Page, Store, StoreError};

use super::bounds::{Bounds, DECIDED};

/// The archives take turns: each comes up once in so many.
pub(super) const TURNS: u64 = 24;

/// Entries that are looked at in one read for how much they hold.
const LOOKED_AT: usize = 100;

/// Looks at the archives of a host whose turn it is. Which these are is drawn by their names and by the hour, so that a
/// host's archives do not all come up at once.
pub(super) async fn turn(
    bounds: Bounds,
    host: &Arc<Host>,
    server: &Arc<Server>,
) -> Result<(), StoreError> {
    let store = server.store();
    let now = server.environment().timestamp();
    let hour = now.as_seconds().div_euclid(3_600).unsigned_abs();
    let owners = store.read(LOG.log_owners()).await?;
    for owner in owners {
        let Owner::Account(jid) = &owner else {
            continue;
        };
        if jid.domain() == host.domain().as_str() && turn_of(jid) == hour % TURNS {
            one(bounds, host, server, jid, now).await?;
        }
    }
    // What was taken back since is not to be read from the files either.
    let mut batch = Batch::new();
    batch.scrub();
    store.settled(store.submit(batch)).await
}

/// Always the same for the same account, and different for different ones.
fn turn_of(jid: &BareJid) -> u64 {
    // FNV-1a: the same in every process.
    let hash = jid
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    hash % TURNS
}

async fn one(
    bounds: Bounds,
    host: &Host,
    server: &Server,
    jid: &BareJid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let store = server.store();
    let owner = &Owner::Account(jid.clone());
    let decided = store.get(DECIDED, owner, &()).await?;
    let bounds = bounds.with(decided);
    let mut gone = 0;
    if let Some(before) = bounds.before(now) {
        let forget = Forget {
            before: Some(before),
            spares_due: true,
            ..Forget::all(now)
        };
        gone += server.forget(jid, forget).await?;
    }
    if let Some(bytes_max) = bounds.bytes_max
        && let Some(through) = excess(store, owner, bytes_max).await?
    {
        let forget = Forget {
            through: Some(through),
            spares_due: true,
            ..Forget::all(now)
        };
        gone += server.forget(jid, forget).await?;
    }
    close_first_holes(store, owner, now).await?;
    if host.archive_fields().is_empty() {
        // Nobody can search it any more.
        store.unindex(LOG, owner).await?;
    }
    if gone > 0 {
        tracing::info!(%owner, gone, "old messages left an archive");
    }
    Ok(())
}

/// The newest entry that has to go so that no more than this is left.
async fn excess(
    store: &Store,
    owner: &Owner,
    bytes_max: u64,
) -> Result<Option<EntryId>, StoreError> {
    let mut page = Page {
        class: Some(Class::Archive.column()),
        ..Page::default()
    };
    let size = store.read(LOG.page_size(owner, page.clone())).await?;
    let mut left = size.bytes;
    let mut last = None;
    page.entries_max = LOOKED_AT;
    while left > bytes_max {
        let entries = store.read(LOG.page(owner, page.clone())).await?;
        for found in &entries.found {
            if left <= bytes_max {
                break;
            }
            let body = found.body.as_ref().map_or(0, |body| body.len());
            left = left.saturating_sub((found.entry.xml.len() + body) as u64);
            last = Some(found.entry.id);
        }
        match last {
            Some(_) if entries.more => page.after = last,
            _ => break,
        }
    }
    Ok(last)
}
