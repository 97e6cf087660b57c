//! Names whose account was deleted for good: who remembers them, and what that does.

use std::{future::Future, pin::Pin, sync::Arc};

use jid::BareJid;
use store::StoreError;

use super::Module;
use crate::{host::Host, server::Server};

/// A feature that remembers names whose account was deleted.
pub trait Gone: Module {
    /// Whether the account of this name is gone for good: nobody registers the name again, and who asks for its
    /// presence is told.
    ///
    /// # Errors
    ///
    /// What the store says.
    fn is_gone(
        &self,
        account: &BareJid,
        server: &Arc<Server>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

type Remembering = Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>>;
pub(crate) type GoneFn = Box<dyn Fn(BareJid, Arc<Server>) -> Remembering + Send + Sync>;

impl Server {
    /// Whether a feature of the host remembers that the account of this name is gone for good.
    pub(crate) async fn is_gone(
        self: &Arc<Self>,
        host: &Host,
        account: &BareJid,
    ) -> Result<bool, StoreError> {
        for is_gone in host.gone() {
            if is_gone(account.clone(), self.clone()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
