//! Brings an account into memory: one read for all that is resident.

use std::{sync::Arc, task::Poll};

use jid::BareJid;
use mailbox::{Mailbox, WireKey};
use store::{Owner, Question, StoreError};

use super::{
    Account, AccountCell, CONTACTS, CellState, Closing, Contacts,
    credentials::ACCOUNT,
    noted::SESSIONS,
    resident::Residents,
    restored::{self, StoredSession},
    stored::{COUNTS, QUEUES},
};
use crate::{environment::random_bytes, host::Host, permission::Role, server::Server};

/// Reads the account of `cell` and lets in what waits for it. If this is dropped or panics, what
/// waits is told, and the next who asks loads again.
pub(crate) async fn load(server: Arc<Server>, cell: Arc<AccountCell>) {
    let mut unfinished = Unfinished {
        server,
        cell,
        is_armed: true,
    };
    let (server, cell) = (unfinished.server.clone(), unfinished.cell.clone());
    let outcome = read(&server, cell.jid()).await;
    unfinished.is_armed = false;
    match outcome {
        Ok(Some(read)) => server.loaded(&cell, read),
        Ok(None) => server.not_loaded(&cell, true),
        Err(error) => {
            tracing::error!(account = %cell.jid(), %error, "an account can't be read; what came for it is answered with an error");
            server.not_loaded(&cell, false);
        }
    }
}

struct Unfinished {
    server: Arc<Server>,
    cell: Arc<AccountCell>,
    is_armed: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_armed {
            self.server.not_loaded(&self.cell, false);
        }
    }
}

/// What the store has of an account.
pub(crate) struct Read {
    pub(crate) account: Account,
    /// Its sessions of an earlier life of the server.
    pub(crate) sessions: Vec<StoredSession>,
    /// What its user may do, if it may sign in.
    pub(crate) role: Option<Role>,
}

async fn read(server: &Arc<Server>, jid: &BareJid) -> Result<Option<Read>, StoreError> {
    let Some(host) = server.host(jid.domain()) else {
        return Ok(None);
    };
    server.prepare(&host).await?;
    let owner = Owner::Account(jid.clone());
    let question = (
        ACCOUNT.get(&owner, &()),
        CONTACTS.all(&owner),
        SESSIONS.all(&owner),
        Mailbox::question(&owner),
    );
    let mut queries = Vec::new();
    question.queries(&mut queries);
    queries.extend(server.residents().iter().map(|kind| kind.query(&owner)));
    let mut answers = server.store().read_all(queries).await?.into_iter();
    let (record, contacts, notes, mail) = question.answer(&mut answers)?;
    let Some(record) = record else {
        return Ok(None);
    };
    let residents = Residents::load(&owner, server.residents(), answers)?;
    let mut sessions = Vec::new();
    for (resource, note) in notes {
        let mut session = StoredSession {
            resource,
            note,
            counts: None,
            queue: None,
        };
        // Hardly ever: only after a start.
        if let Some(id) = session.note.resumable_id() {
            let question = (COUNTS.get(&owner, &id), QUEUES.get(&owner, &id));
            (session.counts, session.queue) = server.store().read(question).await?;
        }
        sessions.push(session);
    }
    let uncovered = restored::look_for_uncovered(server, &owner, &sessions).await?;
    let role = record
        .may_sign_in()
        .then(|| server.role_of(&host, jid, Some(&record)));
    let mailbox = Mailbox::load(owner, mail, fresh_key(server));
    let mut account = Account::new(
        jid.clone(),
        host,
        false,
        Contacts::load(contacts, record.created_at()),
        mailbox,
        residents,
    );
    account
        .resends
        .expect(uncovered, server.environment().now());
    Ok(Some(Read {
        account,
        sessions,
        role,
    }))
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
        // More than once only when it leaves memory right after it was loaded.
        for _ in 0..8 {
            let cell = self.cell_or_load(jid);
            let missing = std::future::poll_fn(|cx| match &mut *cell.lock() {
                CellState::Loading { wakers, .. } => {
                    wakers.push(cx.waker().clone());
                    Poll::Pending
                }
                CellState::Ready(account) => {
                    Poll::Ready((account.closing != Closing::No).then_some(true))
                }
                CellState::Gone { missing } => Poll::Ready(Some(*missing)),
            })
            .await;
            match missing {
                None => return Ok(Some(cell)),
                Some(true) => return Ok(None),
                Some(false) => self.registry.remove(&cell),
            }
        }
        Err(StoreError::Closed)
    }

    /// Puts an account into memory that the store does not know: an anonymous one.
    pub(crate) fn add_anonymous(
        self: &Arc<Self>,
        jid: &BareJid,
        host: &Arc<Host>,
    ) -> Arc<AccountCell> {
        let (cell, _) = self.registry.get_or_insert(jid);
        let mailbox = Mailbox::empty(Owner::Account(jid.clone()), fresh_key(self));
        let account = Account::new(
            jid.clone(),
            host.clone(),
            true,
            Contacts::default(),
            mailbox,
            Residents::default(),
        );
        self.loaded(
            &cell,
            Read {
                account,
                sessions: Vec::new(),
                role: None,
            },
        );
        cell
    }
}
