//! What features have to say about archives.
//!
//! Whether an account's archive takes the messages of a conversation: what a feature decides, because its settings and
//! its users' say so, and the engine asks, which records messages. And what else users can ask their archives for:
//! fields of features other than the one that answers.

use jid::Jid;
use stanza::StanzaError;
use store::Page;

use super::Module;
use crate::account::Account;

/// A feature that shows users what they sent and received. Without one, messages are kept until they are delivered.
pub trait Archives: Module {
    /// Whether the archive of `account` takes messages from or to `peer`. Never waits.
    fn archives(&self, peer: &Jid, account: &Account) -> bool;
}

/// A feature that adds a field to the form by which users ask their archives.
pub trait ArchiveField: Module {
    /// The field's name.
    const FIELD: &'static str;

    /// Other names by which clients know it.
    const ALSO: &'static [&'static str] = &[];

    /// Narrows what is asked for to what a value of the field says.
    ///
    /// # Errors
    ///
    /// What the one who asks is answered with.
    fn narrow(&self, value: &str, page: &mut Page) -> Result<(), StanzaError>;
}

/// Such a field of a host.
pub struct ArchiveFieldEntry {
    /// The field's name.
    pub name: &'static str,
    pub(crate) narrow: NarrowFn,
}

pub(crate) type NarrowFn = Box<dyn Fn(&str, &mut Page) -> Result<(), StanzaError> + Send + Sync>;

impl ArchiveFieldEntry {
    /// See [`ArchiveField::narrow`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn narrow(&self, value: &str, page: &mut Page) -> Result<(), StanzaError> {
        (self.narrow)(value, page)
    }
}

pub(crate) type ArchivesFn = Box<dyn Fn(&Jid, &Account) -> bool + Send + Sync>;
