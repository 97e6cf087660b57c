//! Declarations of collections: a name, a shape, a version. Features write them as constants and never see a table.
//!
//! ```
//! use store::{Collection, Map, Version};
//!
//! /// Who a user has blocked.
//! const BLOCKED: Collection<Map<jid::Jid, ()>> = Collection::new("blocklist.blocked", Version(1));
//! ```

use std::marker::PhantomData;

use serde_json::Value;

/// The version of a collection's values. It grows by one with each change that old values do not read as, and each
/// growth comes with one [`Upgrade`] and a committed fixture.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u16);

/// Turns a value of version n-1 into one of version n; `None` when it is not one. Pure.
pub type Upgrade = fn(Value) -> Option<Value>;

/// What of a log's entries can be found by full text.
#[derive(Clone, Copy, Debug)]
pub struct Searchable {
    /// Grows with each change of what `text` gives: indexes that were made with another version are made anew.
    pub version: u16,
    /// The text of an entry, `None` when it has none to be found by. Pure, and always the same for the same entry: it is
    /// asked again when the entry goes, so that nothing has to keep the text for that.
    pub text: fn(&Spoken<'_>) -> Option<String>,
}

/// What an entry's text is taken from. Tombstones are not asked about.
#[derive(Clone, Copy)]
pub struct Spoken<'a> {
    /// The entry's class.
    pub class: u8,
    /// Its own XML.
    pub xml: &'a str,
    /// The text of its body.
    pub body: Option<&'a str>,
}

/// Texts are left out: entries hold what users wrote.
impl std::fmt::Debug for Spoken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spoken")
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

/// A map of keys to JSON values, per owner.
pub struct Map<K, V>(PhantomData<fn() -> (K, V)>);

/// A log of entries in id order, per owner; `T` is what an entry carries besides its fixed columns.
pub struct Log<T>(PhantomData<fn() -> T>);

/// What form a collection has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Shape {
    /// A [`Map`].
    Map,
    /// A [`Log`].
    Log,
}

/// A marker of a collection's form: [`Map`] or [`Log`].
pub trait Shaped {
    /// Which it is.
    const SHAPE: Shape;
}

impl<K, V> Shaped for Map<K, V> {
    const SHAPE: Shape = Shape::Map;
}

impl<T> Shaped for Log<T> {
    const SHAPE: Shape = Shape::Log;
}

/// A collection without its types: what back ends see of it. Two are the same collection when their names are equal.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// `feature.what`, stable for ever.
    pub name: &'static str,
    /// Map or log.
    pub shape: Shape,
    /// The version values are written with.
    pub version: Version,
    /// What of a log's entries can be found by full text.
    pub searchable: Option<Searchable>,
    pub(crate) upgrades: &'static [Upgrade],
}

impl Declared {
    /// A collection of which no more is known than its name, as where a back end reads its own files.
    pub const fn named(name: &'static str, shape: Shape, version: Version) -> Self {
        Self {
            name,
            shape,
            version,
            searchable: None,
            upgrades: &[],
        }
    }
}

impl PartialEq for Declared {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.shape == other.shape && self.version == other.version
    }
}

impl Eq for Declared {}

/// A typed collection, as a constant of the feature that owns it.
pub struct Collection<S> {
    declared: Declared,
    shape: PhantomData<fn() -> S>,
}

impl<S> Clone for Collection<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Collection<S> {}

impl<S: Shaped> Collection<S> {
    /// Declares a collection. `name` is `feature.what` and never changes; names are unique over the server.
    pub const fn new(name: &'static str, version: Version) -> Self {
        Self {
            declared: Declared::named(name, S::SHAPE, version),
            shape: PhantomData,
        }
    }

    /// Declares how values of older versions become today's: the last of `upgrades` makes today's version, the one
    /// before it the version before, and so on. A log's upgrades are of its entries' `data`.
    #[must_use]
    pub const fn upgrades(mut self, upgrades: &'static [Upgrade]) -> Self {
        self.declared.upgrades = upgrades;
        self
    }

    /// Declares what of a log's entries can be found by full text, where the back end offers that.
    #[must_use]
    pub const fn searchable(mut self, searchable: Searchable) -> Self {
        self.declared.searchable = Some(searchable);
        self
    }

    /// The collection without its types.
    pub const fn declared(&self) -> Declared {
        self.declared
    }
}
