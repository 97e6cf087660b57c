//! Brings an account into memory: one read for all that is resident.

use std::{sync::Arc, task::Poll};

use jid::BareJid;
use mailbox::{Mailbox, WireKey};
use store::{Owner, StoreError};

use super::{Account, AccountCell, CONTACTS, CellState, Contacts, credentials::ACCOUNT};
use crate::{environment::random_bytes, server::Server};

/// Reads the account of `cell` and lets in what waits for it.
pub(crate) async fn load(server: Arc<Server>, cell: Arc<AccountCell>) {
    match read(&server, cell.jid()).await {
        Ok(Some(account)) => server.loaded(&cell, account),
        Ok(None) => server.not_loaded(&cell, true),
        Err(error) => {
            tracing::error!(account = %cell.jid(), %error, "an account can't be read; what came for it is answered with an error");
            server.not_loaded(&cell, false);
        }
    }
}

async fn read(server: &Arc<Server>, jid: &BareJid) -> Result<Option<Account>, StoreError> {
    let owner = Owner::Account(jid.clone());
    let question = (
        ACCOUNT.get(&owner, &()),
        CONTACTS.all(&owner),
        Mailbox::question(&owner),
    );
    let (record, contacts, mail) = server.store().read(question).await?;
    if record.is_none() {
        return Ok(None);
    }
    let mailbox = Mailbox::load(owner, mail, fresh_key(server));
    Ok(Some(Account::new(
        jid.clone(),
        false,
        Contacts::load(contacts),
        mailbox,
    )))
}

/// The key of a mailbox that has none yet.
fn fresh_key(server: &Server) -> WireKey {
    WireKey::new(u128::from_le_bytes(random_bytes(server.environment())))
}

impl Server {
    /// The cell of an account, once it is in memory; `None` when there is no such account.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn account(
        self: &Arc<Self>,
        jid: &BareJid,
    ) -> Result<Option<Arc<AccountCell>>, StoreError> {
        loop {
            let (cell, is_new) = self.registry.get_or_insert(jid);
            if is_new {
                load(self.clone(), cell.clone()).await;
            }
            let missing = std::future::poll_fn(|cx| match &mut *cell.lock() {
                CellState::Loading { wakers, .. } => {
                    wakers.push(cx.waker().clone());
                    Poll::Pending
                }
                CellState::Ready(_) => Poll::Ready(None),
                CellState::Gone { missing } => Poll::Ready(Some(*missing)),
            })
            .await;
            match missing {
                None => return Ok(Some(cell)),
                Some(true) => return Ok(None),
                Some(false) if is_new => return Err(StoreError::Closed),
                // It left memory in between.
                Some(false) => self.registry.remove(&cell),
            }
        }
    }

    /// Puts an account into memory that the store does not know: an anonymous one.
    pub(crate) fn add_anonymous(self: &Arc<Self>, jid: &BareJid) -> Arc<AccountCell> {
        let (cell, _) = self.registry.get_or_insert(jid);
        let mailbox = Mailbox::empty(Owner::Account(jid.clone()), fresh_key(self));
        self.loaded(
            &cell,
            Account::new(jid.clone(), true, Contacts::default(), mailbox),
        );
        cell
    }
}
