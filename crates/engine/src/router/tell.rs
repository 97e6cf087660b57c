//! Messages from account to account, on the way that stanzas take.

use std::{collections::VecDeque, sync::Arc};

use jid::BareJid;
use store::Gate;

use super::{Next, Queue};
use crate::{
    account::{AccountCell, CellState, Closing, INBOX_MAX},
    effect::Effect,
    envelope::Envelope,
    module::{AccountMessage, AccountMessageCounts, Saying, TellError, Told},
    pipeline::Gates,
    server::Server,
};

impl Server {
    /// What became of messages between accounts since the start.
    #[must_use]
    pub fn account_messages(&self) -> AccountMessageCounts {
        self.told.read()
    }

    /// Says something to an account of ours in its own name, from outside of any run: what a job, a timer or a request
    /// of a feature has come to. See [`AccountMessage`].
    ///
    /// # Errors
    ///
    /// [`TellError`]; then nothing is on its way.
    pub fn tell_account<M: AccountMessage>(
        self: &Arc<Self>,
        account: &BareJid,
        message: &M,
    ) -> Result<(), TellError> {
        if account.local().is_none() || !self.serves(account.domain()) {
            return Err(TellError::NoAccount);
        }
        let told = Saying::new(account, message)?.stamped(account, Gates::OPEN);
        self.work(Some(Next::Tell(Box::new(told))));
        Ok(())
    }

    /// Whether what the message rests on is still on its way to the disk.
    pub(super) fn must_wait(&self, told: &Told) -> bool {
        self.gate(told.gates.needs) == Gate::Pending
    }

    /// Lets `queue` wait until it is known what becomes of the batch that the message rests on, then goes on with
    /// both. Somebody who is told must not store what follows from something that is not so in the end.
    pub(super) fn tell_once_durable(self: &Arc<Self>, told: Box<Told>, queue: Queue) {
        let server = self.clone();
        let settled = self.store().settled(told.gates.needs);
        self.environment().spawn(Box::pin(async move {
            // What became of it is asked again by whoever takes the message further.
            let _ = settled.await;
            // Still the queue's only drainer: its order is kept.
            let rest = VecDeque::from([Next::Drain(queue)]);
            server.work_on(Some(Next::Tell(told)), rest);
        }));
    }

    /// Takes a message to its account.
    pub(super) fn bring(self: &Arc<Self>, told: Box<Told>) -> Option<Next> {
        if self.gate(told.gates.needs) != Gate::Durable {
            self.drop_told(&told, "what it rests on was not stored");
            return None;
        }
        match self.link_to(|| told.to.as_str()) {
            None => self.tell_here(told),
            Some(link) => self.go_elsewhere(link, Effect::Told(told)),
        }
    }

    fn tell_here(self: &Arc<Self>, told: Box<Told>) -> Option<Next> {
        // More than once only when the cell leaves memory between look-up and lock.
        for _ in 0..8 {
            let cell = self.cell_or_load(&told.to);
            let mut state = cell.lock();
            match &mut *state {
                CellState::Loading { inbox, .. } if inbox.len() < INBOX_MAX => {
                    inbox.push_back(Effect::Told(told));
                    return None;
                }
                CellState::Ready(account) if account.closing == Closing::No => {
                    let (next, last) = self.take_told(&cell, &mut state, &told);
                    drop(state);
                    self.work_all(last);
                    return next;
                }
                CellState::Loading { .. } | CellState::Ready(_) => break,
                CellState::Gone { .. } => {
                    drop(state);
                    self.registry.remove(&cell);
                }
            }
        }
        self.drop_told(&told, "its account can't take it");
        None
    }

    /// One run over the account it is for, which is in memory and locked.
    pub(super) fn take_told(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        state: &mut CellState,
        told: &Told,
    ) -> (Option<Next>, Vec<Envelope>) {
        let held = told.held.as_ref();
        let outcome = self.run_in(cell, state, told.gates, held, |account, cx| {
            let Some(handler) = cx.host().account_message(&told.name) else {
                return self.drop_told(told, "no feature takes it");
            };
            match handler.handle(told, account, cx) {
                Ok(()) => self.told.handled(),
                Err(_) => self.drop_told(told, "it does not read"),
            }
        });
        match outcome {
            Ok(((), _, next)) => (next, Vec::new()),
            Err(last) => {
                self.drop_told(told, "a panic in its handler");
                (None, last)
            }
        }
    }

    /// A message goes no further, and nobody is told.
    pub(crate) fn drop_told(&self, told: &Told, why: &str) {
        tracing::debug!(name = %told.name, from = %told.from, to = %told.to, "a message between accounts is dropped: {why}");
        self.told.dropped();
    }
}
