//! IQ requests to a host, an account or a service: who answers, and with what at hand.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use jid::{BareJid, Jid};
use stanza::{Condition, ErrorType, Stanza, StanzaError};
use store::Batch;
use xml::Element;

use super::{Answer, AnswerIq, HandleIq, Method, Payload, service::ServiceParts};
use crate::{
    account::{Account, AccountError, ClientName, Deletion, Resource},
    command::Who,
    host::Host,
    permission::Role,
    pipeline::{Context, Gates},
    server::Server,
    session::{Held, Session, SessionId, pieces::Pieces},
};

/// Whom a request is addressed to, as seen from the asker.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum To {
    /// The virtual host.
    Host,
    /// The asker's own bare JID, or no address.
    OwnAccount,
    /// Another account of the host.
    OtherAccount,
    /// A service: one of the feature's own, or, wired for the host, every service of it.
    Service,
    /// The host, from a client that has not signed in yet.
    HostBeforeSignIn,
}

/// What a synchronous answer has at hand.
pub struct IqContext<'a> {
    pub(crate) asked: To,
    pub(crate) from: &'a Jid,
    pub(crate) session: Option<&'a Arc<Session>>,
    pub(crate) role: Role,
    pub(crate) account: Option<&'a mut Account>,
    pub(crate) run: Option<&'a Context<'a>>,
    pub(crate) service: Option<&'a ServiceParts>,
    pub(crate) host: &'a Arc<Host>,
    pub(crate) server: &'a Arc<Server>,
    pub(crate) stanza: &'a Stanza,
    /// What the asking session gets after the answer.
    pub(crate) afterwards: Vec<Stanza>,
}

impl IqContext<'_> {
    /// Who asks.
    #[must_use]
    pub fn from(&self) -> &Jid {
        self.from
    }

    /// Whom the request is addressed to.
    #[must_use]
    pub fn asked(&self) -> To {
        self.asked
    }

    /// The host that is asked, or whose account is.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        self.host
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        self.server
    }

    /// The request itself.
    #[must_use]
    pub fn stanza(&self) -> &Stanza {
        self.stanza
    }

    /// The role of the asker on the asker's own host.
    #[must_use]
    pub fn role(&self) -> Role {
        let session = self.session;
        session.map_or(self.role, |session| self.server.role_in_force(session))
    }

    /// Who asks, as commands see it.
    #[must_use]
    pub fn who(&self) -> Who {
        Who::Account {
            jid: self.from.bare(),
            role: self.role(),
        }
    }

    /// The asking session, when it is one of ours.
    #[must_use]
    pub fn session_id(&self) -> Option<SessionId> {
        self.session.map(|session| session.id())
    }

    /// The asker as its own account sees it; only where the request is for that account.
    #[must_use]
    pub fn resource(&mut self) -> Option<&mut Resource> {
        let id = self.session_id()?;
        self.account.as_deref_mut()?.resource_mut(id)
    }

    /// Gives the asking session of this account `stanza` right after the answer.
    pub fn push_afterwards(&mut self, stanza: Stanza) {
        self.afterwards.push(stanza);
    }

    /// The service that is asked, where one is.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceParts> {
        self.service
    }

    /// The run of the account or service that is asked.
    #[must_use]
    pub fn run(&self) -> Option<&Context<'_>> {
        self.run
    }

    /// The account that is asked, with its run; `None` where the host is, and where the account of
    /// [`To::OtherAccount`] is not there: the answer then must not tell it from one that hides.
    #[must_use]
    pub fn account(&mut self) -> Option<(&mut Account, &Context<'_>)> {
        Some((self.account.as_deref_mut()?, self.run?))
    }
}

/// What an answer that waits has at hand. It owns it all, so that it runs to its end whatever becomes
/// of the asker.
#[derive(Clone)]
pub struct IqJob {
    pub(crate) from: Jid,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) role: Role,
    pub(crate) account: Option<BareJid>,
    pub(crate) host: Arc<Host>,
    pub(crate) server: Arc<Server>,
    pub(crate) address: Option<std::net::IpAddr>,
    pub(crate) stanza: Arc<Stanza>,
    pub(crate) hold: Hold,
}

/// What keeps the asking session from reading on until it is answered.
pub(crate) type Hold = Arc<Mutex<Option<Held>>>;

impl IqJob {
    /// Who asks; before sign-in, the host itself.
    #[must_use]
    pub fn from(&self) -> &Jid {
        &self.from
    }

    /// The asking session, when it is one of ours.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }

    /// The role of the asker on the asker's own host.
    #[must_use]
    pub fn role(&self) -> Role {
        let session = self.session.as_ref();
        session.map_or(self.role, |session| self.server.role_in_force(session))
    }

    /// Who asks, as commands see it.
    #[must_use]
    pub fn who(&self) -> Who {
        Who::Account {
            jid: self.from.bare(),
            role: self.role(),
        }
    }

    /// The account that is asked, when one is.
    #[must_use]
    pub fn account(&self) -> Option<&BareJid> {
        self.account.as_ref()
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The request itself.
    #[must_use]
    pub fn stanza(&self) -> &Stanza {
        &self.stanza
    }

    /// Does something in a run of the account that is asked.
    ///
    /// # Errors
    ///
    /// [`AccountError`] when it can't be read, or has gone meanwhile.
    pub async fn in_account<R>(
        &self,
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Result<R, AccountError> {
        let jid = self.account.clone().unwrap_or_else(|| self.from.bare());
        let Some(cell) = self.server.account(&jid).await? else {
            return Err(AccountError::Missing(jid));
        };
        let result = self.server.visit(&cell, Gates::OPEN, body);
        self.server.retire_idle(&cell);
        result.ok_or(AccountError::Missing(jid))
    }

    /// Answers a session of ours in pieces, before the answer proper. From now on the session reads on: what it sends
    /// next does not wait for all of it.
    ///
    /// # Errors
    ///
    /// `resource-constraint` when as many such answers are under way to the session as may be; `not-allowed` for
    /// whoever has no session here.
    pub fn pieces(&self) -> Result<Pieces, StanzaError> {
        let session = self.session.as_ref().ok_or(Condition::NotAllowed)?;
        let pieces = Pieces::begin(session, &self.server).ok_or_else(|| {
            StanzaError::new(Condition::ResourceConstraint)
                .with_type(ErrorType::Wait)
                .with_text("too much is asked for at once")
        })?;
        release(&self.hold);
        Ok(pieces)
    }

    /// Stores what belongs to the account that is asked, and waits until it is durable. An account that went
    /// meanwhile takes nothing more, so that nothing of it is left for the next of its name.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was stored.
    pub async fn store_for_account(&self, batch: Batch) -> Result<(), AccountError> {
        let jid = self.account.clone().unwrap_or_else(|| self.from.bare());
        let change = |_: &mut Account, cx: &Context<'_>| cx.batch().extend(batch);
        self.server.change_account(&jid, change).await
    }

    /// Deletes the account that asks, with all it owns, now or after the grace period of its host. Its sessions end,
    /// and so the asking one gets the empty result before its stream ends,
    /// [XEP-0077 §3.2](https://xmpp.org/extensions/xep-0077.html#usecases-cancel).
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed, and that is to be the answer.
    pub async fn delete_own_account(&self) -> Result<Deletion, AccountError> {
        let account = self.from.bare();
        let Some(session) = &self.session else {
            return Err(AccountError::Missing(account));
        };
        let to = Jid::from(session.full_jid().clone());
        let result = self.stanza.reply_result(None).with_to(Some(to));
        session.outbox().set_last_words(Some(result));
        let outcome = self.server.delete_account(&account, false).await;
        if outcome.is_err() {
            session.outbox().set_last_words(None);
        }
        outcome
    }

    /// Ends the sessions of a client of the account that asks. If the asking one is among them, it gets `answer` before its
    /// stream ends.
    pub fn end_client(&self, client: &ClientName, answer: &Answer) {
        let account = self.from.bare();
        if let Some(session) = &self.session
            && self.server.is_session_of(&account, session.id(), client)
        {
            let to = Jid::from(session.full_jid().clone());
            let answer = match answer {
                Ok(payload) => Some(self.stanza.reply_result(payload.clone())),
                Err(error) => self.stanza.reply_error(error),
            };
            let words = answer.map(|answer| answer.with_to(Some(to)));
            session.outbox().set_last_words(words);
        }
        self.server.end_client(&account, client);
    }

    /// The network address of a client that has not signed in.
    #[must_use]
    pub fn address(&self) -> Option<std::net::IpAddr> {
        self.address
    }
}

/// Lets the session go that waits for an answer.
pub(crate) fn release(hold: &Hold) {
    let held = hold.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(held);
}

pub(crate) type AnswerFn = Box<dyn Fn(&Element<'_>, &mut IqContext<'_>) -> Answer + Send + Sync>;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;
pub(crate) type HandleFn =
    Box<dyn Fn(&Element<'_>, IqJob) -> Result<Answering, StanzaError> + Send + Sync>;

/// Answers one kind of request.
pub(crate) enum Handler {
    Answer(AnswerFn),
    Handle(HandleFn),
}

/// A module that answers `P` at once, as a handler.
pub(crate) fn answering<M, P>(module: &Arc<M>) -> Handler
where
    P: Payload,
    M: AnswerIq<P> + Send + Sync + 'static,
{
    let module = module.clone();
    Handler::Answer(Box::new(move |element, cx| {
        let payload = P::parse(element)?;
        module.answer_iq(payload, cx)
    }))
}

/// A module that answers `P` after waiting, as a handler.
pub(crate) fn handling<M, P>(module: &Arc<M>) -> Handler
where
    P: Payload + Send,
    M: HandleIq<P> + 'static,
{
    let module = module.clone();
    Handler::Handle(Box::new(move |element, job| {
        let payload = P::parse(element)?;
        let module = module.clone();
        Ok(Box::pin(
            async move { module.handle_iq(payload, job).await },
        ))
    }))
}

/// All requests a host answers, by namespace.
#[derive(Default)]
pub(crate) struct IqTable(HashMap<&'static str, Vec<Row>>);

struct Row {
    to: To,
    method: Method,
    element: &'static str,
    handler: Handler,
}

impl IqTable {
    pub(crate) fn add<P: Payload>(&mut self, to: To, handler: Handler) {
        self.0.entry(P::NS).or_default().push(Row {
            to,
            method: P::METHOD,
            element: P::ELEMENT,
            handler,
        });
    }

    pub(crate) fn find(&self, to: To, method: Method, element: &str, ns: &str) -> Option<&Handler> {
        self.0
            .get(ns)?
            .iter()
            .find(|row| row.to == to && row.method == method && row.element == element)
            .map(|row| &row.handler)
    }
}
