//! Answers from the [`State`].

use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;

use super::state::{Row, State};
use crate::collection::Declared;
use crate::entry::{EntryId, Found, Stored};
use crate::owner::Owner;
use crate::query::{Answer, Entries, Page, Query, Size};
use crate::search::ranked;

impl State {
    pub(super) fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Get {
                collection,
                owner,
                key,
            } => {
                let values = self
                    .maps
                    .get(collection.name)
                    .and_then(|owners| owners.get(owner));
                Answer::Value(
                    values
                        .and_then(|values| values.get(key.as_str()))
                        .map(|value| value.stored.clone()),
                )
            }
            Query::Range {
                collection,
                owner,
                prefix,
            } => Answer::Values(self.range(collection.name, owner, prefix)),
            Query::Count { collection, owner } => {
                let values = self
                    .maps
                    .get(collection.name)
                    .and_then(|owners| owners.get(owner));
                Answer::Count(values.map_or(0, |values| values.len() as u64))
            }
            Query::Holders { collection, key } => {
                let owners = self.maps.get(collection.name).into_iter().flatten();
                let holders = owners.filter_map(|(owner, values)| {
                    Some((owner.clone(), values.get(key.as_str())?.stored.clone()))
                });
                Answer::Holders(holders.collect())
            }
            Query::Owners { collection } => {
                let maps = self
                    .maps
                    .get(collection.name)
                    .into_iter()
                    .flat_map(|owners| owners.keys());
                let logs = self
                    .logs
                    .get(collection.name)
                    .into_iter()
                    .flat_map(|owners| owners.keys());
                Answer::Owners(maps.chain(logs).cloned().collect())
            }
            Query::Page {
                collection,
                owner,
                page,
            } => Answer::Entries(self.page(collection, owner, page)),
            Query::PageCount {
                collection,
                owner,
                page,
            } => Answer::Count(self.rows(collection, owner, page).count() as u64),
            Query::PageSize {
                collection,
                owner,
                page,
            } => Answer::Size(self.size(collection, owner, page)),
            Query::Best {
                collection,
                owner,
                page,
            } => {
                let hits = self.page(collection, owner, &page.hits());
                Answer::Entries(ranked(collection, page, hits))
            }
            // Everything is found without an index.
            Query::Indexed { collection, owner } => {
                let rows = self
                    .logs
                    .get(collection.name)
                    .and_then(|owners| owners.get(owner));
                let newest = rows.and_then(|rows| rows.last_key_value());
                Answer::Newest(newest.map(|(id, _)| id.0))
            }
            Query::IndexedOfAll => Answer::Count(0),
            Query::Offers => Answer::Offers(self.offers),
            Query::Newest { collection, owner } => {
                let head = self
                    .heads
                    .get(collection.name)
                    .and_then(|owners| owners.get(owner));
                Answer::Newest(head.map(|head| head.0))
            }
            Query::OwnersDue { collection } => {
                let owners = self.logs.get(collection.name).into_iter().flatten();
                let due = owners.filter(|(_, rows)| rows.values().any(|row| row.entry.due));
                Answer::Owners(due.map(|(owner, _)| owner.clone()).collect())
            }
            Query::Body { id } => {
                Answer::Body(self.bodies.get(id).map(|body| Arc::clone(&body.xml)))
            }
            Query::NewestBody => Answer::Newest(self.bodies.last_key_value().map(|(id, _)| id.0)),
            Query::Collections => {
                let collections = self
                    .collections
                    .iter()
                    .map(|(name, version)| ((*name).to_owned(), *version));
                Answer::Collections(collections.collect())
            }
        }
    }

    fn range(&self, map: &'static str, owner: &Owner, prefix: &str) -> Vec<(String, Stored)> {
        let Some(values) = self.maps.get(map).and_then(|owners| owners.get(owner)) else {
            return Vec::new();
        };
        values
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.to_string(), value.stored.clone()))
            .collect()
    }

    fn page(&self, log: &Declared, owner: &Owner, page: &Page) -> Entries<Stored> {
        let rows = self.rows(log, owner, page);
        let found = |(_, row): (&EntryId, &Row)| Ok::<_, Infallible>(self.found(row, page));
        let filled = if page.backwards {
            page.fill(rows.rev().map(found))
        } else {
            page.fill(rows.map(found))
        };
        match filled {
            Ok(entries) => entries,
        }
    }

    fn rows<'a>(
        &'a self,
        log: &'a Declared,
        owner: &Owner,
        page: &'a Page,
    ) -> impl DoubleEndedIterator<Item = (&'a EntryId, &'a Row)> {
        let rows = self.logs.get(log.name).and_then(|owners| owners.get(owner));
        rows.into_iter()
            .flatten()
            .filter(|(_, row)| matches(row, page))
            .filter(|(_, row)| self.speaks(log, row, page))
    }

    /// Whether an entry has the words that are looked for.
    fn speaks(&self, log: &Declared, row: &Row, page: &Page) -> bool {
        let Some(needle) = &page.text else {
            return true;
        };
        let all = Page::default();
        self.offers.full_text && needle.count(&self.found(row, &all).words(log)).is_some()
    }

    fn size(&self, log: &Declared, owner: &Owner, page: &Page) -> Size {
        let mut size = Size::default();
        for (_, row) in self.rows(log, owner, page) {
            let body = row.entry.body.and_then(|id| self.bodies.get(&id));
            let bytes = row.entry.xml.len() + body.map_or(0, |body| body.xml.len());
            size.entries += 1;
            size.bytes += bytes as u64;
        }
        size
    }

    fn found(&self, row: &Row, page: &Page) -> Found<Stored> {
        let body = row
            .entry
            .body
            .filter(|_| !page.without_bodies)
            .and_then(|id| self.bodies.get(&id));
        Found {
            entry: (*row.entry).clone(),
            tombstone: row.tombstone,
            body: body.map(|body| Arc::clone(&body.xml)),
        }
    }
}

fn matches(row: &Row, page: &Page) -> bool {
    let entry = &row.entry;
    page.after.is_none_or(|after| entry.id > after)
        && page.before.is_none_or(|before| entry.id < before)
        && page.id.is_none_or(|id| entry.id == id)
        && page.start.is_none_or(|start| entry.at >= start)
        && page.end.is_none_or(|end| entry.at <= end)
        && page.peer.as_ref().is_none_or(|peer| *peer == *entry.peer)
        && page
            .sender
            .as_ref()
            .is_none_or(|sender| *sender == *entry.sender)
        && page
            .message_id
            .as_ref()
            .is_none_or(|id| *id == *entry.message_id)
        && page.class.is_none_or(|class| entry.class == class)
        && (!page.due || entry.due)
}
