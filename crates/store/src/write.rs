//! Load, change, save: a lock of (owner, collection), the values as they are, changes that are buffered until they are
//! committed as one batch.

use std::collections::BTreeMap;
use std::future::IntoFuture;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::batch::Batch;
use crate::collection::{Collection, Map};
use crate::error::StoreError;
use crate::gate::Seq;
use crate::key::Key;
use crate::lock::Ticket;
use crate::owner::Owner;
use crate::settled::Settled;
use crate::store::Store;

impl Store {
    /// Locks one owner's map for writing and reads it. Writers of the same pair take turns in the order they asked;
    /// each sees what those before it committed, because everything handed over before is settled first.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn write<K: Key, V: DeserializeOwned>(
        &self,
        map: Collection<Map<K, V>>,
        owner: &Owner,
    ) -> Result<MapWriter<K, V>, StoreError> {
        let mut ticket = self.locks().ticket(owner, map.declared().name);
        ticket.turn().await;
        // Whether what came before was stored or not, it is out of the way now.
        let _fate = self.settled(self.submitted()).await;
        let values = self.read(map.all(owner)).await?;
        let values = values
            .into_iter()
            .map(|(key, value)| (key.to_key(), (key, value)))
            .collect();
        Ok(MapWriter {
            store: self.clone(),
            map,
            owner: owner.clone(),
            values,
            batch: Batch::new(),
            _ticket: ticket,
        })
    }
}

/// One owner's map, locked for writing. Dropped without [`commit`](Self::commit), nothing has changed.
pub struct MapWriter<K, V> {
    store: Store,
    map: Collection<Map<K, V>>,
    owner: Owner,
    /// By text form of the key, which is the order of the store.
    values: BTreeMap<String, (K, V)>,
    batch: Batch,
    _ticket: Ticket,
}

impl<K: Key, V: Serialize> MapWriter<K, V> {
    /// A value, with the changes so far.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(&key.to_key()).map(|(_, value)| value)
    }

    /// Whether there is a value, with the changes so far.
    pub fn contains(&self, key: &K) -> bool {
        self.values.contains_key(&key.to_key())
    }

    /// All values in key order, with the changes so far.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.values.values().map(|(key, value)| (key, value))
    }

    /// How many values there are, with the changes so far.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none, with the changes so far.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whose map it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Sets a value. One that does not write as JSON makes the commit fail.
    pub fn put(&mut self, key: K, value: V) {
        let text = key.to_key();
        let shared = text.as_str().into();
        self.batch
            .put_op(self.map.declared(), &self.owner, shared, &value, None);
        self.values.insert(text, (key, value));
    }

    /// Sets a value that [`Batch::expire`] removes from `expires` on, in microseconds since 1970 UTC.
    pub fn put_until(&mut self, key: K, value: V, expires: i64) {
        let text = key.to_key();
        self.batch.put_op(
            self.map.declared(),
            &self.owner,
            text.as_str().into(),
            &value,
            Some(expires),
        );
        self.values.insert(text, (key, value));
    }

    /// Removes a value and returns it.
    pub fn delete(&mut self, key: &K) -> Option<V> {
        let text = key.to_key();
        let (_, value) = self.values.remove(&text)?;
        self.batch
            .delete_op(self.map.declared(), &self.owner, text.into());
        Some(value)
    }

    /// The batch that [`commit`](Self::commit) hands over, for changes elsewhere that belong to this one.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Hands all changes over as one batch, without waiting, and lets the next writer in. The result's
    /// [`seq`](Commit::seq) gates answers; awaiting it waits until the changes are durable.
    pub fn commit(self) -> Commit {
        let seq = self.store.submit(self.batch);
        Commit {
            store: self.store,
            seq,
        }
    }
}

/// A batch that was handed over. Await it to know that it is durable.
#[derive(Debug)]
pub struct Commit {
    store: Store,
    seq: Seq,
}

impl Commit {
    /// The batch's place in the order; [`Seq::NONE`] when nothing was changed.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Waits until the batch is durable, or fails with [`StoreError::NotStored`].
    pub fn durable(self) -> Settled {
        self.store.settled(self.seq)
    }
}

impl IntoFuture for Commit {
    type Output = Result<(), StoreError>;
    type IntoFuture = Settled;

    fn into_future(self) -> Settled {
        self.durable()
    }
}
