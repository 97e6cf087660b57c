//! What a log proves after a crash, besides what is due (which every load reads): how far each session's stanzas were
//! handled. Accounts with something due are found with `LOG.owners_due()`, destinations with `EGRESS.log_owners()`.

use std::collections::BTreeMap;

use store::{EntryId, Found, Owner, Page, Store, StoreError};

use crate::record::{Data, LOG, SessionId};

/// The highest ordinal of each session in an account's log behind a position: what the log proves to be handled.
/// Sessions without an entry there are missing. Asked when an account is recovered after a crash.
///
/// # Errors
///
/// What the store says.
pub async fn handled(
    store: &Store,
    owner: &Owner,
    after: EntryId,
) -> Result<BTreeMap<SessionId, u64>, StoreError> {
    let mut highest = BTreeMap::new();
    let mut after = after;
    loop {
        let page = Page {
            after: Some(after),
            without_bodies: true,
            ..Page::default()
        };
        let entries = store.read(LOG.page(owner, page)).await?;
        count_handled(&mut highest, &entries.found);
        match entries.found.last() {
            Some(last) if entries.more => after = last.entry.id,
            _ => return Ok(highest),
        }
    }
}

fn count_handled(highest: &mut BTreeMap<SessionId, u64>, found: &[Found<Data>]) {
    for inbound in found.iter().filter_map(|found| found.entry.data.inbound) {
        let ordinal = highest.entry(inbound.session).or_default();
        *ordinal = inbound.ordinal.max(*ordinal);
    }
}
