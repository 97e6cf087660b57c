//! Reading a page of an archive: from the index wherever it lies, so that the last page costs what the first does.

use jid::Jid;
use mailbox::{Data, LOG};
use stanza::{Condition, Stanza, StanzaError};
use store::{Entries, EntryId, Found, Owner, Page, Store, StoreError};

use super::{
    limits::PAGE_BYTES_MAX,
    query::{Line, Wanted},
};

/// How many entries are looked at in one read where the index does not say which match.
const LOOKED_AT: usize = 200;

/// So many of the entries that a query names are read at once.
const NAMED_AT_ONCE: usize = 25;

/// What was found.
#[derive(Debug)]
pub(super) struct Results {
    /// In the order of the archive.
    pub(super) found: Vec<Found<Data>>,
    /// Whether nothing is left beyond them, in the direction of the page.
    pub(super) is_complete: bool,
    /// How many the whole result has, where that is known.
    pub(super) count: Option<u64>,
}

/// Reads what is wanted.
///
/// # Errors
///
/// `item-not-found` when an entry that is named is not there any more; `internal-server-error` when the store fails.
pub(super) async fn read(
    store: &Store,
    line: &Line,
    wanted: &Wanted,
) -> Result<Results, StanzaError> {
    let owner = &line.owner;
    if !are_there(store, line, &wanted.named)
        .await
        .map_err(unreadable)?
    {
        return Err(Condition::ItemNotFound.into());
    }
    if wanted.page.text.is_some() {
        store.index(LOG, owner).await.map_err(unreadable)?;
    }
    let results = match (&wanted.ids, wanted.items_max) {
        (None, 0) => count(store, owner, wanted).await,
        (None, _) => page(store, owner, wanted).await,
        (Some(ids), _) => named(store, owner, wanted, ids).await,
    };
    results.map_err(unreadable)
}

/// Whether the archive has all of these, or did until their owner deleted what was in them.
async fn are_there(store: &Store, line: &Line, named: &[EntryId]) -> Result<bool, StoreError> {
    let one = |id: &EntryId| {
        let page = Page {
            id: Some(*id),
            class: None,
            ..line.all()
        };
        LOG.page_count(&line.owner, page)
    };
    let counts = store
        .read(named.iter().map(one).collect::<Vec<_>>())
        .await?;
    Ok(counts.iter().all(|count| *count > 0))
}

/// How many there are, and none of them, [XEP-0059 §2.7](https://xmpp.org/extensions/xep-0059.html#count).
async fn count(store: &Store, owner: &Owner, wanted: &Wanted) -> Result<Results, StoreError> {
    let count = match &wanted.resource {
        None => {
            store
                .read(LOG.page_count(owner, wanted.page.clone()))
                .await?
        }
        Some(resource) => {
            let page = Page {
                without_bodies: true,
                ..wanted.page.clone()
            };
            let mut looking = Looking::new(page, resource);
            let mut count = 0;
            while let Some(found) = looking.next(store, owner).await? {
                count += found.len() as u64;
            }
            count
        }
    };
    Ok(Results {
        found: Vec::new(),
        is_complete: count == 0,
        count: Some(count),
    })
}

async fn page(store: &Store, owner: &Owner, wanted: &Wanted) -> Result<Results, StoreError> {
    let entries = match &wanted.resource {
        None => {
            let page = Page {
                entries_max: wanted.items_max,
                ..wanted.page.clone()
            };
            store.read(LOG.page(owner, page)).await?
        }
        Some(resource) => of_resource(store, owner, wanted, resource).await?,
    };
    let is_all = !entries.more && wanted.is_at_end;
    Ok(Results {
        count: is_all.then_some(entries.found.len() as u64),
        is_complete: !entries.more,
        found: entries.found,
    })
}

/// A page of what names a resource. The index has bare addresses, so that one conversation is looked through.
async fn of_resource(
    store: &Store,
    owner: &Owner,
    wanted: &Wanted,
    resource: &Jid,
) -> Result<Entries<Data>, StoreError> {
    let mut looking = Looking::new(wanted.page.clone(), resource);
    let (mut found, mut bytes): (Vec<Found<Data>>, usize) = (Vec::new(), 0);
    let mut more = false;
    'looking: while let Some(matching) = looking.next(store, owner).await? {
        for one in matching {
            if found.len() >= wanted.items_max || bytes >= PAGE_BYTES_MAX {
                more = true;
                break 'looking;
            }
            bytes += bytes_of(&one);
            found.push(one);
        }
    }
    if wanted.page.backwards {
        found.reverse();
    }
    Ok(Entries { found, more })
}

/// Looks through what an index leaves for what names a resource.
struct Looking<'a> {
    page: Option<Page>,
    resource: &'a Jid,
}

impl<'a> Looking<'a> {
    fn new(page: Page, resource: &'a Jid) -> Self {
        let page = Some(Page {
            entries_max: LOOKED_AT,
            ..page
        });
        Self { page, resource }
    }

    /// The next that match, in the page's direction; perhaps none of those that were looked at. `None` at the end.
    async fn next(
        &mut self,
        store: &Store,
        owner: &Owner,
    ) -> Result<Option<Vec<Found<Data>>>, StoreError> {
        let Some(page) = self.page.take() else {
            return Ok(None);
        };
        let mut entries = store.read(LOG.page(owner, page.clone())).await?;
        if page.backwards {
            entries.found.reverse();
        }
        if let Some(last) = entries.found.last().filter(|_| entries.more) {
            let last = Some(last.entry.id);
            self.page = Some(match page.backwards {
                true => Page {
                    before: last,
                    ..page
                },
                false => Page {
                    after: last,
                    ..page
                },
            });
        }
        entries.found.retain(|found| names(found, self.resource));
        Ok(Some(entries.found))
    }
}

/// Whether a message is from or to a resource.
fn names(found: &Found<Data>, resource: &Jid) -> bool {
    let entry = &found.entry;
    *entry.sender == *resource.as_str()
        || Stanza::from_stored(entry.xml.as_bytes()).is_ok_and(|head| head.to() == Some(resource))
}

/// Those of the named that the filters leave, [§4.1.3](https://xmpp.org/extensions/xep-0313.html#query-limit-id).
async fn named(
    store: &Store,
    owner: &Owner,
    wanted: &Wanted,
    ids: &[EntryId],
) -> Result<Results, StoreError> {
    let backwards = wanted.page.backwards;
    let mut ids = ids.to_vec();
    if backwards {
        ids.reverse();
    }
    let (mut found, mut bytes): (Vec<Found<Data>>, usize) = (Vec::new(), 0);
    let mut more = false;
    'reading: for some in ids.chunks(NAMED_AT_ONCE) {
        let one = |id: &EntryId| {
            let page = Page {
                id: Some(*id),
                ..wanted.page.clone()
            };
            LOG.page(owner, page)
        };
        let pages = store.read(some.iter().map(one).collect::<Vec<_>>()).await?;
        let resource = wanted.resource.as_ref();
        let matching = pages
            .into_iter()
            .flat_map(|page| page.found)
            .filter(|found| resource.is_none_or(|resource| names(found, resource)));
        for one in matching {
            if found.len() >= wanted.items_max || bytes >= PAGE_BYTES_MAX {
                more = true;
                break 'reading;
            }
            bytes += bytes_of(&one);
            found.push(one);
        }
    }
    if backwards {
        found.reverse();
    }
    let is_all = !more && wanted.is_at_end;
    Ok(Results {
        count: is_all.then_some(found.len() as u64),
        is_complete: !more,
        found,
    })
}

fn bytes_of(found: &Found<Data>) -> usize {
    found.entry.xml.len() + found.body.as_ref().map_or(0, |body| body.len())
}

/// The first and the last entry of the archive, without their texts.
pub(super) async fn ends(
    store: &Store,
    owner: &Owner,
    all: &Page,
) -> Result<Option<(Found<Data>, Found<Data>)>, StanzaError> {
    let one = |backwards| Page {
        backwards,
        entries_max: 1,
        without_bodies: true,
        ..all.clone()
    };
    let question = (LOG.page(owner, one(false)), LOG.page(owner, one(true)));
    let (mut first, mut last) = store.read(question).await.map_err(unreadable)?;
    Ok(first.found.pop().zip(last.found.pop()))
}

fn unreadable(error: StoreError) -> StanzaError {
    tracing::error!(%error, "an archive can't be read; the request is refused");
    Condition::InternalServerError.into()
}
