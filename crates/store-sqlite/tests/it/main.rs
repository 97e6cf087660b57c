//! The SQLite back end: the conformance suite, and what only a disk can do to a store.

mod conformance;
mod disk;
mod journal;
mod kill;
mod text;
mod upgrade;
