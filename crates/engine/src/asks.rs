//! Requests of the server's own: an IQ sent by a host, an account or a service, and its answer awaited.
//!
//! An answer counts when it comes from the address that was asked, to the address that asked, with an id
//! that nobody could guess.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jid::Jid;
use stanza::{IqType, Kind, Stanza};
use thiserror::Error;

use crate::{
    compute::{Finish, slot},
    envelope::Envelope,
    environment::random_id,
    pipeline::Gates,
    server::Server,
};

/// Requests that may be open at once.
const OPEN_MAX: usize = 65_536;

/// There is no answer to a request.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum AskError {
    /// It did not come in time.
    #[error("no answer came in time")]
    TimedOut,
    /// Too many requests are open already; this one was not sent.
    #[error("too many requests wait for an answer")]
    Busy,
    /// What was to be sent is not an IQ request.
    #[error("only an IQ of type get or set is answered")]
    NoRequest,
}

/// The requests that are open, by id.
#[derive(Default)]
pub(crate) struct Asks(BTreeMap<String, Open>);

struct Open {
    asker: Jid,
    asked: Jid,
    finish: Finish<(Arc<Stanza>, Gates)>,
}

impl Asks {
    /// Takes `envelope` if it answers an open request.
    fn take(&mut self, envelope: &Envelope) -> bool {
        let Some(id) = envelope.stanza().id() else {
            return false;
        };
        let answers = self
            .0
            .get(id)
            .is_some_and(|open| open.asked == *envelope.from() && open.asker == *envelope.to());
        if !answers {
            return false;
        }
        if let Some(open) = self.0.remove(id) {
            let answer = (envelope.stanza().clone(), envelope.gates());
            open.finish.put(Some(answer));
        }
        true
    }
}

impl Server {
    /// Sends an IQ request, under an id of its own, and waits `patience` for the answer: an IQ of type
    /// `result` or `error`.
    ///
    /// # Errors
    ///
    /// [`AskError`]: there is none.
    pub async fn ask(
        self: &Arc<Self>,
        mut question: Envelope,
        patience: Duration,
    ) -> Result<Arc<Stanza>, AskError> {
        if !question.stanza().kind().is_request() {
            return Err(AskError::NoRequest);
        }
        let id = random_id(self.environment());
        let (finish, answer) = slot();
        {
            let mut asks = self.asks();
            if asks.0.len() >= OPEN_MAX {
                return Err(AskError::Busy);
            }
            let open = Open {
                asker: question.from().clone(),
                asked: question.to().clone(),
                finish,
            };
            asks.0.insert(id.clone(), open);
        }
        self.give_up_later(&id, patience);
        let stanza = question.stanza_mut();
        *stanza = stanza.clone().with_id(&id);
        self.route(question);
        let (stanza, gates) = answer.await.ok_or(AskError::TimedOut)?;
        // What it rests on may still be on its way to the disk.
        let _ = self.store().settled(gates.after.max(gates.needs)).await;
        Ok(stanza)
    }

    /// Forgets a request that nobody answered: who awaits it is told.
    fn give_up_later(self: &Arc<Self>, id: &str, patience: Duration) {
        let environment = self.environment();
        let sleep = environment.sleep_until(environment.now() + patience);
        let (server, id) = (Arc::downgrade(self), id.to_owned());
        environment.spawn(Box::pin(async move {
            sleep.await;
            if let Some(server) = server.upgrade() {
                server.asks().0.remove(&id);
            }
        }));
    }

    /// Whether `envelope` answers a request of ours, and so has arrived.
    pub(crate) fn is_answer(&self, envelope: &Envelope) -> bool {
        let is_response = matches!(
            envelope.stanza().kind(),
            Kind::Iq(IqType::Result | IqType::Error)
        );
        is_response && !envelope.to().is_full() && self.asks().take(envelope)
    }
}
