//! Whether an account's archive takes the messages of a conversation: what a feature decides, because its settings and
//! its users' say so, and the engine asks, which records messages.

use jid::Jid;

use super::Module;
use crate::account::Account;

/// A feature that shows users what they sent and received. Without one, messages are kept until they are delivered.
pub trait Archives: Module {
    /// Whether the archive of `account` takes messages from or to `peer`. Never waits.
    fn archives(&self, peer: &Jid, account: &Account) -> bool;
}

pub(crate) type ArchivesFn = Box<dyn Fn(&Jid, &Account) -> bool + Send + Sync>;
