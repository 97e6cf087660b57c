//! Features that provide contacts to accounts.

use std::sync::Arc;

use jid::BareJid;

use super::Module;
use crate::account::Circle;

/// A feature that makes accounts of its host each other's contacts.
pub trait Circles: Module {
    /// The circles this account is in, in an order that stays. Asked under the account's lock: what is not in memory
    /// can't be looked up here ([`Prepare`](super::Prepare)). When the answer changes, so that those who are there learn
    /// of it, [`Server::circles_changed`](crate::Server::circles_changed) has to be called.
    fn circles(&self, account: &BareJid) -> Vec<Arc<Circle>>;
}

pub(crate) type CirclesFn = Box<dyn Fn(&BareJid) -> Vec<Arc<Circle>> + Send + Sync>;
