//! The configuration: one TOML file, every key with a default, a type and a doc comment.
//!
//! `tables.rs` declares the tables; a declaration is the type, its defaults and the text of the
//! manual at once. `table.rs` reads them, `values.rs` is how each kind of value is written,
//! `host.rs` is `[host."x"]` with `[defaults]`, `limits.rs` is `[limits]`, which the engine
//! declares, `complaint.rs` is what an operator reads when something is wrong, `manual.rs` is
//! `config show` and `config default`, `page.rs` the same as a page of the operator's book,
//! `restart.rs` which keys are read at a start only.

mod complaint;
mod host;
mod limits;
mod load;
mod manual;
mod page;
mod restart;
mod table;
mod tables;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use complaint::{ConfigError, suggestion};
pub(crate) use load::{Config, Features};
pub(crate) use manual::write as write_manual;
pub(crate) use page::write as write_page;
pub(crate) use restart::needs_restart;
pub(crate) use tables::{Durability, ResourceConflict, SelfSigned};
pub(crate) use values::LogFormat;
