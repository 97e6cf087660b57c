//! # The SQLite back end
//!
//! The embedded default: one file in the data folder, in WAL mode, that every operator can look into with `sqlite3`
//! (the views `map` and `log` show it with names), and a journal before it. A batch is durable with one write to the
//! journal; what the journal comes to is carried over to the tables in the background, and before anything is read that
//! it concerns. One table per shape; owners and collections are numbered once and referred to by number.
//!
//! `writer` decides where a batch goes, `journal` holds the files before the tables and what they come to, `shared` moves
//! that to the `tables`, whose parts apply operations; `schema` holds how old tables become new, `words` keeps the index
//! of full text, `reader` answers queries, `copy` copies a store in use. The rules are those of [`store::conformance`].

mod body;
mod copy;
mod error;
mod folder;
mod journal;
mod limits;
mod log;
mod map;
mod names;
mod page;
mod reader;
mod schema;
mod shared;
mod tables;
mod words;
mod writer;

pub use copy::copy;
pub use folder::{FILE, LOCK};
pub use journal::FILES as JOURNAL_FILES;
pub use reader::SqliteReader;
pub use writer::{Carrier, Durability, Sqlite};
