//! The end of an account: marked, taken leave of, gone; or taken back in time.
//!
//! Three steps, each of which repeats without harm, because a crash may come between any two:
//!
//! 1. The account is marked. From then on nobody signs in, and its sessions end.
//! 2. Everybody it had to do with is unsubscribed, until that is on disk with each of them.
//! 3. What it owns goes, with the mark, in one batch.
//!
//! Where the host gives a grace period, the second step waits for its end, and until then the mark can be taken off: the
//! account is as it was. What a crash or a fault of the store left unfinished is done by
//! [`Server::finish_deletions`].

use std::{sync::Arc, time::Duration};

use jid::BareJid;
use mailbox::LOG;
use stanza::{Stanza, Timestamp};
use store::{Collection, Map, Owner, Seq, StoreError, Version};
use stream::StreamFault;

use super::{
    AccountCell, AccountError, AccountRecord, CellState, Closing,
    credentials::ACCOUNT,
    ending,
    subscription::{self, Effect, Standing},
    tokens::TOKENS,
};
use crate::{
    envelope::Envelope,
    host::Host,
    pipeline::{
        Gates,
        events::{AccountDeleted, AccountDisabled},
    },
    server::Server,
    session::SessionId,
};

/// The marked accounts of a host, with the moment from which they may go, microseconds UTC: what the records of the
/// accounts say, where it can be found.
const DELETIONS: Collection<Map<BareJid, i64>> = Collection::new("account.deletions", Version(1));

/// What became of an account that was to be deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deletion {
    /// It is gone.
    Done,
    /// It goes at this moment, unless it is taken back before.
    At(Timestamp),
    /// Nobody signs in to it any more; a fault of the store held up the rest, which is tried again.
    Unfinished,
}

impl Server {
    /// Deletes an account with everything it owns, `at_once` or after the grace period of its host. Its sessions end
    /// with `not-authorized`.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn delete_account(
        self: &Arc<Self>,
        jid: &BareJid,
        at_once: bool,
    ) -> Result<Deletion, AccountError> {
        let host = self
            .host(jid.domain())
            .ok_or_else(|| AccountError::Missing(jid.clone()))?;
        let grace = match at_once {
            true => Duration::ZERO,
            false => host.deletion_grace(),
        };
        let due = self.environment().timestamp().plus(grace);
        let (due, could_sign_in) = self.mark(jid, due).await?;
        if could_sign_in && !grace.is_zero() {
            self.tell(jid, AccountDisabled { disabled: true }).await;
        }
        self.end_sessions(jid, None, &StreamFault::AccountGone);
        if due > self.environment().timestamp() {
            return Ok(Deletion::At(due));
        }
        match self.remove(jid).await {
            Ok(true) => Ok(Deletion::Done),
            Ok(false) => Ok(Deletion::Unfinished),
            Err(error) => {
                tracing::error!(account = %jid, %error, "the deletion of an account is held up; it is tried again");
                Ok(Deletion::Unfinished)
            }
        }
    }

    /// Takes back an account that is marked. `false` when it is not.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn undelete_account(self: &Arc<Self>, jid: &BareJid) -> Result<bool, AccountError> {
        let owner = Owner::Account(jid.clone());
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        let Some(before) = record.get(&()).cloned() else {
            return Err(AccountError::Missing(jid.clone()));
        };
        if before.deletion_due.is_none() {
            return Ok(false);
        }
        let disabled = before.disabled;
        record.put(
            (),
            AccountRecord {
                deletion_due: None,
                ..before
            },
        );
        let host = Owner::Host(jid.to_domain());
        record.batch().delete(DELETIONS, &host, jid);
        record.commit().durable().await?;
        if !disabled {
            self.tell(jid, AccountDisabled { disabled: false }).await;
        }
        Ok(true)
    }

    /// Deletes the accounts of a host whose time has come.
    ///
    /// # Errors
    ///
    /// What the store says; what was not done is due still.
    pub async fn finish_deletions(self: &Arc<Self>, host: &Host) -> Result<(), StoreError> {
        let now = self.environment().timestamp().as_micros();
        let owner = Owner::Host(host.domain().clone());
        let marked = self.store().read(DELETIONS.all(&owner)).await?;
        for (jid, _) in marked.into_iter().filter(|(_, due)| *due <= now) {
            if self.remove(&jid).await? {
                tracing::info!(account = %jid, "an account was deleted");
            }
        }
        Ok(())
    }

    /// The first step. Gives the moment from which the account may go, and whether somebody could sign in until now.
    /// One that is marked already goes no later than it would have.
    async fn mark(&self, jid: &BareJid, due: Timestamp) -> Result<(Timestamp, bool), AccountError> {
        let owner = Owner::Account(jid.clone());
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        let Some(before) = record.get(&()).cloned() else {
            return Err(AccountError::Missing(jid.clone()));
        };
        let due = before
            .deletion_due
            .map_or(due, |earlier| due.min(Timestamp::from_micros(earlier)));
        let micros = due.as_micros();
        let could_sign_in = before.may_sign_in();
        record.put(
            (),
            AccountRecord {
                deletion_due: Some(micros),
                ..before.with_other_credentials()
            },
        );
        record.batch().clear(TOKENS, &owner);
        let host = Owner::Host(jid.to_domain());
        record.batch().put(DELETIONS, &host, jid, &micros);
        record.commit().durable().await?;
        Ok((due, could_sign_in))
    }

    /// The second and third step. `false` when the account was taken back meanwhile, or somebody else is at it.
    async fn remove(self: &Arc<Self>, jid: &BareJid) -> Result<bool, StoreError> {
        // Held to the end: who changed the record meanwhile would bring it back.
        let record = self
            .store()
            .write(ACCOUNT, &Owner::Account(jid.clone()))
            .await?;
        if record
            .get(&())
            .is_none_or(|record| record.deletion_due.is_none())
        {
            return Ok(false);
        }
        let Some(cell) = self.account(jid).await? else {
            return Ok(false);
        };
        let Some(contacts) = self.shut(&cell) else {
            return Ok(false);
        };
        let outcome = match self.take_leave(jid, contacts).await {
            Ok(()) => {
                self.landed(jid).await;
                self.erase(&cell).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => self.go_when_drained(&cell),
            Err(_) => {
                if let CellState::Ready(account) = &mut *cell.lock() {
                    account.closing = Closing::No;
                }
            }
        }
        drop(record);
        outcome.map(|()| true)
    }

    /// From now on the account takes nothing. Gives whom it has to do with; `None` when it is on its way out already.
    fn shut(self: &Arc<Self>, cell: &Arc<AccountCell>) -> Option<Vec<(BareJid, Standing)>> {
        let contacts = self.visit(cell, Gates::OPEN, |account, cx| {
            if account.closing != Closing::No {
                return None;
            }
            let sessions: Vec<SessionId> = account
                .resources()
                .map(|resource| resource.session().id())
                .collect();
            for session in sessions {
                ending::end(account, cx, session, &StreamFault::AccountGone);
            }
            account.closing = Closing::Closed;
            let contacts = account.contacts().iter();
            Some(
                contacts
                    .map(|contact| (contact.jid().clone(), contact.standing()))
                    .collect(),
            )
        });
        contacts.flatten()
    }

    /// Ends all ties, RFC 6121 §2.5.2, and waits until those who are ours have it on disk. The account's own contact
    /// list stays as it is until it goes as a whole, so that all of this can be said again.
    async fn take_leave(
        self: &Arc<Self>,
        jid: &BareJid,
        contacts: Vec<(BareJid, Standing)>,
    ) -> Result<(), StoreError> {
        let mut written = Vec::new();
        for (contact, standing) in contacts {
            for effect in subscription::removal(standing).effects {
                if let Effect::Send(kind) = effect {
                    let parting = Stanza::presence(kind.presence_type());
                    self.route(Envelope::from_account(jid, contact.clone().into(), parting));
                }
            }
            if self.link_to(|| contact.as_str()).is_some() {
                // It is kept for the other home until that has it.
                written.push(self.store().submitted());
                continue;
            }
            if contact.local().is_none() || !self.serves(contact.domain()) {
                continue;
            }
            // What waited for the account to be loaded has arrived once it is.
            if let Some(cell) = self.account(&contact).await? {
                written.extend(self.last_seq(&cell));
                self.retire_idle(&cell);
            }
        }
        for seq in written {
            self.store().settled(seq).await?;
        }
        Ok(())
    }

    /// Removes what the account owns, once features have had their say.
    async fn erase(self: &Arc<Self>, cell: &Arc<AccountCell>) -> Result<(), StoreError> {
        let owner = match &*cell.lock() {
            CellState::Ready(account) => Some(account.owner().clone()),
            CellState::Loading { .. } | CellState::Gone { .. } => None,
        };
        if let Some(owner) = owner {
            // In slices: all at once would hold up everybody's writes.
            self.store().unindex(LOG, &owner).await?;
        }
        self.visit(cell, Gates::OPEN, |account, cx| {
            cx.tell(AccountDeleted {}, account);
            // What was not written yet would outlive the account.
            account.behind.clients = None;
            let host = Owner::Host(account.jid().to_domain());
            let mut batch = cx.batch();
            batch.delete_owner(account.owner());
            batch.scrub();
            batch.delete(DELETIONS, &host, account.jid());
        });
        match self.last_seq(cell) {
            Some(seq) => self.store().settled(seq).await,
            // A listener panicked: nothing was handed over.
            None => Err(StoreError::Closed),
        }
    }

    /// The newest batch that a run of the account made.
    fn last_seq(&self, cell: &AccountCell) -> Option<Seq> {
        match &*cell.lock() {
            CellState::Ready(account) => Some(account.last_seq),
            CellState::Loading { .. } | CellState::Gone { .. } => None,
        }
    }
}
