//! Batches as changes of the [`State`], all of them or none.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::state::{Body, Row, State, Undo, Value};
use crate::batch::{Batch, Op, Trim};
use crate::collection::Declared;
use crate::entry::{BodyId, Entry, EntryId, Stored};
use crate::error::StoreError;
use crate::owner::Owner;

impl State {
    /// Applies all batches, or undoes what it did. With a `fault` it fails after so many operations.
    pub(super) fn apply(
        &mut self,
        batches: &[Arc<Batch>],
        fault: Option<(usize, StoreError)>,
    ) -> Result<(), StoreError> {
        let mut journal = Vec::new();
        let mut left = fault.as_ref().map(|(operations, _)| *operations);
        for batch in batches {
            let done = self.apply_one(batch, &mut journal, &mut left);
            if let Err(stopped) = done {
                self.undo(journal);
                return Err(match (stopped, fault) {
                    (Stopped::Injected, Some((_, error))) => error,
                    (Stopped::Injected, None) => StoreError::NotStored,
                    (Stopped::By(error), _) => error,
                });
            }
        }
        for op in batches.iter().flat_map(|batch| batch.ops()) {
            if let Op::Put { collection, .. } | Op::Append { collection, .. } = op {
                let version = self.collections.entry(collection.name).or_default();
                *version = collection.version.0.max(*version);
            }
        }
        Ok(())
    }

    fn apply_one(
        &mut self,
        batch: &Batch,
        journal: &mut Vec<Undo>,
        left: &mut Option<usize>,
    ) -> Result<(), Stopped> {
        let mut put = Vec::new();
        for op in batch.ops() {
            match left {
                Some(0) => return Err(Stopped::Injected),
                Some(left) => *left -= 1,
                None => {}
            }
            if let Op::PutBody { id, .. } = op {
                put.push(*id);
            }
            self.apply_op(op, journal).map_err(Stopped::By)?;
        }
        // The step after the last operation, where the commit would be.
        if *left == Some(0) {
            return Err(Stopped::Injected);
        }
        for id in put {
            if self
                .bodies
                .get(&id)
                .is_some_and(|body| body.references == 0)
            {
                journal.push(self.set_body(id, None));
            }
        }
        Ok(())
    }

    fn apply_op(&mut self, op: &Op, journal: &mut Vec<Undo>) -> Result<(), StoreError> {
        match op {
            Op::Put {
                collection,
                owner,
                key,
                value,
                expires,
            } => {
                let value = Value {
                    stored: value.clone(),
                    expires: *expires,
                };
                journal.push(self.set_value(collection.name, owner, key, Some(value)));
            }
            Op::Delete {
                collection,
                owner,
                key,
            } => {
                journal.push(self.set_value(collection.name, owner, key, None));
            }
            Op::Clear {
                collection,
                owner,
                prefix,
            } => self.clear(collection.name, owner, prefix, journal),
            Op::Expire { now } => self.expire(*now, journal),
            Op::Append {
                collection,
                owner,
                entry,
            } => self.append(collection, owner, entry, journal)?,
            Op::Trim {
                collection,
                owner,
                which,
            } => self.trim(collection.name, owner, *which, journal),
            Op::Done {
                collection,
                owner,
                first,
                last,
            } => self.done(collection.name, owner, *first..=*last, journal),
            Op::Tombstone {
                collection,
                owner,
                id,
                xml,
                class,
            } => {
                self.tombstone(collection.name, owner, *id, xml, *class, journal);
            }
            Op::PutBody { id, xml } => {
                if self.bodies.contains_key(id) {
                    return Err(StoreError::BodyTaken { id: id.0 });
                }
                journal.push(self.set_body(
                    *id,
                    Some(Body {
                        references: 0,
                        xml: Arc::clone(xml),
                    }),
                ));
            }
            Op::RefBody { id } => self.ref_body(*id, journal)?,
            Op::UnrefBody { id } => self.unref_body(*id, journal),
            Op::DeleteOwner { owner } => self.delete_owner(owner, journal),
            // All of it is found without an index, and what is removed is nowhere.
            Op::Index { .. } | Op::Unindex { .. } | Op::Scrub => {}
        }
        Ok(())
    }

    fn clear(&mut self, map: &'static str, owner: &Owner, prefix: &str, journal: &mut Vec<Undo>) {
        let values = self.maps.get(map).and_then(|owners| owners.get(owner));
        let keys: Vec<_> = values
            .into_iter()
            .flat_map(|values| values.keys())
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        for key in keys {
            journal.push(self.set_value(map, owner, &key, None));
        }
    }

    fn expire(&mut self, now: i64, journal: &mut Vec<Undo>) {
        let mut expired = Vec::new();
        for (map, owners) in &self.maps {
            for (owner, values) in owners {
                let old = values
                    .iter()
                    .filter(|(_, value)| value.expires.is_some_and(|expires| expires <= now));
                expired.extend(old.map(|(key, _)| (*map, owner.clone(), Arc::clone(key))));
            }
        }
        for (map, owner, key) in expired {
            journal.push(self.set_value(map, &owner, &key, None));
        }
    }

    fn append(
        &mut self,
        log: &Declared,
        owner: &Owner,
        entry: &Entry<Stored>,
        journal: &mut Vec<Undo>,
    ) -> Result<(), StoreError> {
        let newest = self
            .heads
            .get(log.name)
            .and_then(|owners| owners.get(owner))
            .copied();
        crate::backend::check_append(log, entry.id, newest)?;
        if let Some(body) = entry.body {
            self.ref_body(body, journal)?;
        }
        journal.push(self.set_head(log.name, owner, Some(entry.id)));
        let row = Row {
            entry: Arc::new(entry.clone()),
            tombstone: false,
        };
        journal.push(self.set_row(log.name, owner, entry.id, Some(row)));
        Ok(())
    }

    fn trim(&mut self, log: &'static str, owner: &Owner, which: Trim, journal: &mut Vec<Undo>) {
        let rows = self.logs.get(log).and_then(|owners| owners.get(owner));
        let gone: Vec<_> = rows
            .into_iter()
            .flatten()
            .filter(|(id, row)| match which {
                Trim::One(one) => **id == one,
                Trim::Range(first, last) => (first..=last).contains(*id),
                Trim::Through(last) => **id <= last,
                Trim::Before(time) => row.entry.at < time,
                Trim::All => true,
            })
            .map(|(id, row)| (*id, row.entry.body))
            .collect();
        for (id, body) in gone {
            journal.push(self.set_row(log, owner, id, None));
            if let Some(body) = body {
                self.unref_body(body, journal);
            }
        }
    }

    fn done(
        &mut self,
        log: &'static str,
        owner: &Owner,
        which: RangeInclusive<EntryId>,
        journal: &mut Vec<Undo>,
    ) {
        let rows = self.logs.get(log).and_then(|owners| owners.get(owner));
        let due: Vec<EntryId> = rows
            .into_iter()
            .flatten()
            .filter(|(id, row)| which.contains(id) && row.entry.due)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.change_row(log, owner, id, journal, |row| {
                Arc::make_mut(&mut row.entry).due = false
            });
        }
    }

    fn tombstone(
        &mut self,
        log: &'static str,
        owner: &Owner,
        id: EntryId,
        xml: &Arc<str>,
        class: Option<u8>,
        journal: &mut Vec<Undo>,
    ) {
        let mut body = None;
        self.change_row(log, owner, id, journal, |row| {
            let entry = Arc::make_mut(&mut row.entry);
            body = entry.body.take();
            entry.message_id = Arc::from("");
            entry.xml = Arc::clone(xml);
            entry.class = class.unwrap_or(entry.class);
            row.tombstone = true;
        });
        if let Some(body) = body {
            self.unref_body(body, journal);
        }
    }

    fn change_row(
        &mut self,
        log: &'static str,
        owner: &Owner,
        id: EntryId,
        journal: &mut Vec<Undo>,
        change: impl FnOnce(&mut Row),
    ) {
        let rows = self.logs.get(log).and_then(|owners| owners.get(owner));
        if let Some(mut row) = rows.and_then(|rows| rows.get(&id)).cloned() {
            change(&mut row);
            journal.push(self.set_row(log, owner, id, Some(row)));
        }
    }

    fn ref_body(&mut self, id: BodyId, journal: &mut Vec<Undo>) -> Result<(), StoreError> {
        let mut body = self
            .bodies
            .get(&id)
            .cloned()
            .ok_or(StoreError::NoSuchBody { id: id.0 })?;
        body.references += 1;
        journal.push(self.set_body(id, Some(body)));
        Ok(())
    }

    fn unref_body(&mut self, id: BodyId, journal: &mut Vec<Undo>) {
        if let Some(mut body) = self.bodies.get(&id).cloned() {
            body.references = body.references.saturating_sub(1);
            journal.push(self.set_body(id, (body.references > 0).then_some(body)));
        }
    }

    fn delete_owner(&mut self, owner: &Owner, journal: &mut Vec<Undo>) {
        let maps: Vec<_> = self.maps.keys().copied().collect();
        for map in maps {
            self.clear(map, owner, "", journal);
        }
        let logs: Vec<_> = self.heads.keys().copied().collect();
        for log in logs {
            self.trim(log, owner, Trim::All, journal);
            journal.push(self.set_head(log, owner, None));
        }
    }
}

/// Why a transaction stopped.
enum Stopped {
    /// The test said so.
    Injected,
    /// An operation was impossible.
    By(StoreError),
}
