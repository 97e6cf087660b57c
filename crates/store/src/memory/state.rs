//! What a memory disk holds, and the four changes that everything else is made of, each of which can be undone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::entry::{BodyId, Entry, EntryId, Stored};
use crate::owner::Owner;
use crate::query::Offers;

type ByOwner<T> = BTreeMap<&'static str, BTreeMap<Owner, T>>;

/// Everything on the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) maps: ByOwner<BTreeMap<Arc<str>, Value>>,
    pub(super) logs: ByOwner<BTreeMap<EntryId, Row>>,
    /// The newest id each log ever had.
    pub(super) heads: ByOwner<EntryId>,
    pub(super) bodies: BTreeMap<BodyId, Body>,
    pub(super) collections: BTreeMap<&'static str, u16>,
    pub(super) offers: Offers,
}

#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) stored: Stored,
    pub(super) expires: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) entry: Arc<Entry<Stored>>,
    pub(super) tombstone: bool,
}

#[derive(Clone)]
pub(super) struct Body {
    pub(super) references: u64,
    pub(super) xml: Arc<str>,
}

/// The text is left out: it is what users wrote.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Body({} references, {} bytes)",
            self.references,
            self.xml.len()
        )
    }
}

/// What to put back when a transaction fails.
pub(super) enum Undo {
    Value(&'static str, Owner, Arc<str>, Option<Value>),
    Row(&'static str, Owner, EntryId, Option<Row>),
    Head(&'static str, Owner, Option<EntryId>),
    Body(BodyId, Option<Body>),
}

impl State {
    /// Sets or removes; returns what takes it back.
    pub(super) fn set_value(
        &mut self,
        map: &'static str,
        owner: &Owner,
        key: &Arc<str>,
        value: Option<Value>,
    ) -> Undo {
        let owners = self.maps.entry(map).or_default();
        let values = owners.entry(owner.clone()).or_default();
        let old = match value {
            Some(value) => values.insert(Arc::clone(key), value),
            None => values.remove(key),
        };
        if values.is_empty() {
            owners.remove(owner);
        }
        Undo::Value(map, owner.clone(), Arc::clone(key), old)
    }

    /// Sets or removes; returns what takes it back.
    pub(super) fn set_row(
        &mut self,
        log: &'static str,
        owner: &Owner,
        id: EntryId,
        row: Option<Row>,
    ) -> Undo {
        let owners = self.logs.entry(log).or_default();
        let rows = owners.entry(owner.clone()).or_default();
        let old = match row {
            Some(row) => rows.insert(id, row),
            None => rows.remove(&id),
        };
        if rows.is_empty() {
            owners.remove(owner);
        }
        Undo::Row(log, owner.clone(), id, old)
    }

    /// Sets or removes; returns what takes it back.
    pub(super) fn set_head(
        &mut self,
        log: &'static str,
        owner: &Owner,
        head: Option<EntryId>,
    ) -> Undo {
        let owners = self.heads.entry(log).or_default();
        let old = match head {
            Some(head) => owners.insert(owner.clone(), head),
            None => owners.remove(owner),
        };
        Undo::Head(log, owner.clone(), old)
    }

    /// Sets or removes; returns what takes it back.
    pub(super) fn set_body(&mut self, id: BodyId, body: Option<Body>) -> Undo {
        let old = match body {
            Some(body) => self.bodies.insert(id, body),
            None => self.bodies.remove(&id),
        };
        Undo::Body(id, old)
    }

    /// Takes changes back, the newest first.
    pub(super) fn undo(&mut self, journal: Vec<Undo>) {
        for undo in journal.into_iter().rev() {
            let _ = match undo {
                Undo::Value(map, owner, key, old) => self.set_value(map, &owner, &key, old),
                Undo::Row(log, owner, id, old) => self.set_row(log, &owner, id, old),
                Undo::Head(log, owner, old) => self.set_head(log, &owner, old),
                Undo::Body(id, old) => self.set_body(id, old),
            };
        }
    }
}
