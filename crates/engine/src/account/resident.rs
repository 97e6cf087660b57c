//! Resident data: what a feature keeps in memory with an account, because its stages may not wait.
//!
//! It is loaded with the account, in the same read. A change is made here, under the account's lock,
//! and its operation goes into the run's batch; should the batch fail, the run undoes the change
//! ([`Context::undo_if_lost`](crate::pipeline::Context::undo_if_lost)).

use std::any::{Any, TypeId};

use serde::de::DeserializeOwned;
use store::{Answer, Collection, Key, Map, Owner, Query, StoreError};

/// A feature's data of one account, as its handlers want it.
pub trait Resident: Default + Send + 'static {
    /// The key of the collection behind it.
    type Key: Key + 'static;
    /// Its value.
    type Value: DeserializeOwned + 'static;
    /// Where it is stored. One collection is resident once.
    const COLLECTION: Collection<Map<Self::Key, Self::Value>>;

    /// Made of what is stored; never called for an account that has nothing.
    fn load(entries: Vec<(Self::Key, Self::Value)>) -> Self;
}

/// The value of a collection that has one.
#[must_use]
pub fn only<V: Default>(entries: Vec<((), V)>) -> V {
    let value = entries.into_iter().map(|((), value)| value).next();
    value.unwrap_or_default()
}

/// One kind of an account's resident data, whatever its type.
type Data = Box<dyn Any + Send>;

/// A declared kind of resident data, without its types, for [`Module::RESIDENT`](crate::module::Module::RESIDENT).
#[derive(Clone, Copy)]
pub struct ResidentKind {
    id: TypeId,
    query: fn(&Owner) -> Query,
    load: fn(&Owner, Answer) -> Result<Option<Data>, StoreError>,
}

impl ResidentKind {
    /// The kind that `R` is.
    #[must_use]
    pub const fn of<R: Resident>() -> Self {
        Self {
            id: TypeId::of::<R>(),
            query: |owner| R::COLLECTION.all(owner).query().clone(),
            load: |owner, answer| {
                let entries = R::COLLECTION.all(owner).decode(answer)?;
                Ok(match entries.is_empty() {
                    true => None,
                    false => Some(Box::new(R::load(entries))),
                })
            },
        }
    }

    /// The question whose answer [`ResidentKind::load`] takes.
    pub(crate) fn query(&self, owner: &Owner) -> Query {
        (self.query)(owner)
    }
}

/// The resident data of one account. What is empty takes no room.
#[derive(Default)]
pub(crate) struct Residents(Vec<(TypeId, Data)>);

impl Residents {
    /// Takes the answers to the queries of `kinds`.
    pub(crate) fn load(
        owner: &Owner,
        kinds: &[ResidentKind],
        answers: impl Iterator<Item = Answer>,
    ) -> Result<Self, StoreError> {
        let mut residents = Vec::new();
        for (kind, answer) in kinds.iter().zip(answers) {
            if let Some(data) = (kind.load)(owner, answer)? {
                residents.push((kind.id, data));
            }
        }
        residents.shrink_to_fit();
        Ok(Self(residents))
    }

    pub(crate) fn get<R: Resident>(&self) -> Option<&R> {
        let (_, data) = self.0.iter().find(|(id, _)| *id == TypeId::of::<R>())?;
        data.downcast_ref()
    }

    pub(crate) fn get_or_default<R: Resident>(&mut self) -> &mut R {
        let id = TypeId::of::<R>();
        let at = match self.0.iter().position(|(known, _)| *known == id) {
            Some(at) => at,
            None => {
                self.0.push((id, Box::<R>::default()));
                self.0.len() - 1
            }
        };
        self.0
            .get_mut(at)
            .and_then(|(_, data)| data.downcast_mut())
            .expect("data stands under the type it was made as")
    }
}
