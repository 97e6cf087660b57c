//! # The SQLite back end
//!
//! The embedded default: one file in the data folder, in WAL mode, that every operator can look into with `sqlite3`
//! (the views `map` and `log` show it with names). One table per shape; owners and collections are numbered once and
//! referred to by number. All batches that wait are one transaction, so that they share one `fsync`.
//!
//! `schema` holds the tables and how old ones become new, `writer` and its parts apply batches, `words` keeps the index
//! of full text, `reader` answers queries, `copy` copies a store in use. The rules are those of [`store::conformance`].

mod body;
mod copy;
mod error;
mod folder;
mod limits;
mod log;
mod map;
mod names;
mod page;
mod reader;
mod schema;
mod words;
mod writer;

pub use copy::copy;
pub use folder::{FILE, LOCK};
pub use reader::SqliteReader;
pub use writer::{Durability, Sqlite};
