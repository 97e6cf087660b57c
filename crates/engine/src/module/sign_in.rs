//! Features at a sign-in by SASL2 ([XEP-0388](https://xmpp.org/extensions/xep-0388.html)): what they offer along with it,
//! what has to be done before a client is in, and what it gets with its success.
//!
//! The order is: the mechanism proves who it is; then the tasks of all features, one after another; then each feature's
//! [`signed_in`](AtSignIn::signed_in); then a session is resumed or a resource bound
//! ([`BindInline`](super::BindInline)); then the client is told.

use std::{future::Future, pin::Pin, sync::Arc};

use jid::BareJid;
use sasl::{ChannelBinding, Mechanism, SaslFailure};
use stream::SignInRequest;
use xml::Fragment;

use super::Module;
use crate::{account::ProvedToken, host::Host, server::Server};

/// A stream that SASL2 is offered on.
#[derive(Clone, Copy)]
pub struct SignInOffer<'a> {
    /// Of which host.
    pub host: &'a Host,
    /// What mechanisms may bind to.
    pub bindings: &'a [ChannelBinding],
    /// Who the client says it is. Nothing is proved yet, and what is offered must not tell whether there is such an account.
    pub claimed: Option<&'a BareJid>,
    /// A client that comes back here may sign in by what it sends before its TLS handshake is over.
    pub takes_early_data: bool,
}

/// A sign-in whose mechanism succeeded.
pub struct SignIn {
    /// As whom.
    pub jid: BareJid,
    /// On which host.
    pub host: Arc<Host>,
    /// The server.
    pub server: Arc<Server>,
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// By which of the client's tokens, if by one.
    pub token: Option<ProvedToken>,
    /// It came before the TLS handshake was over, and somebody may have sent the same before: it has to fail unless the token
    /// says otherwise, and there must be no task.
    pub is_early: bool,
    /// Which credentials of the account it proved to have: what it is given to sign in with is for these.
    pub credentials: u32,
    /// The address is the session's own and ends with it.
    pub is_anonymous: bool,
    /// Which client it is, and what it asked for along with its sign-in.
    pub request: SignInRequest,
}

/// A feature that has to do with how clients sign in.
pub trait AtSignIn: Module {
    /// Mechanisms that a client may choose besides those that are announced to everybody.
    fn mechanisms(&self, _offer: SignInOffer<'_>) -> Vec<Mechanism> {
        Vec::new()
    }

    /// What stands in `<inline/>`: what can be done along with a sign-in.
    fn inline(&self, _offer: SignInOffer<'_>) -> Option<Fragment> {
        None
    }

    /// What stands beside mechanisms and `<inline/>` in `<authentication/>`.
    fn authentication(&self, _offer: SignInOffer<'_>) -> Vec<Fragment> {
        Vec::new()
    }

    /// What this client has to do before it is in, in this order.
    ///
    /// # Errors
    ///
    /// How the sign-in fails.
    fn tasks(
        &self,
        _sign_in: Arc<SignIn>,
    ) -> impl Future<Output = Result<Vec<Box<dyn SignInTask>>, SaslFailure>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Everything is proved and done: what the client gets in `<success/>`. Run to its end whatever becomes of the
    /// connection; what it stores has to be durable before it is told.
    ///
    /// # Errors
    ///
    /// How the sign-in fails.
    fn signed_in(
        &self,
        _sign_in: Arc<SignIn>,
    ) -> impl Future<Output = Result<Vec<Fragment>, SaslFailure>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// Something that a client has to do before it is in, step by step.
pub trait SignInTask: Send {
    /// Its name, which the client repeats to begin with it.
    fn name(&self) -> &'static str;

    /// Why, for the user.
    fn text(&self) -> Option<&'static str> {
        None
    }

    /// Takes what the client says: first what came in `<next/>`, then what comes in each `<task-data/>`.
    fn step(self: Box<Self>, data: Vec<Fragment>) -> TaskFuture;
}

/// The outcome of a step.
pub type TaskFuture = Pin<Box<dyn Future<Output = TaskStep> + Send>>;

/// What follows a step of a task.
pub enum TaskStep {
    /// The client is told this, and goes on.
    Data(Vec<Fragment>, Box<dyn SignInTask>),
    /// The task is done. The client gets this with its success.
    Done(Vec<Fragment>),
    /// The sign-in fails.
    Failed(SaslFailure),
}

type Outcome<T> = Pin<Box<dyn Future<Output = Result<T, SaslFailure>> + Send>>;

/// A feature's part in sign-ins, whatever its type.
pub(crate) trait SignInPart: Send + Sync {
    fn mechanisms(&self, offer: SignInOffer<'_>) -> Vec<Mechanism>;
    fn inline(&self, offer: SignInOffer<'_>) -> Option<Fragment>;
    fn authentication(&self, offer: SignInOffer<'_>) -> Vec<Fragment>;
    fn tasks(&self, sign_in: Arc<SignIn>) -> Outcome<Vec<Box<dyn SignInTask>>>;
    fn signed_in(&self, sign_in: Arc<SignIn>) -> Outcome<Vec<Fragment>>;
}

impl<M: AtSignIn> SignInPart for Arc<M> {
    fn mechanisms(&self, offer: SignInOffer<'_>) -> Vec<Mechanism> {
        M::mechanisms(self, offer)
    }

    fn inline(&self, offer: SignInOffer<'_>) -> Option<Fragment> {
        M::inline(self, offer)
    }

    fn authentication(&self, offer: SignInOffer<'_>) -> Vec<Fragment> {
        M::authentication(self, offer)
    }

    fn tasks(&self, sign_in: Arc<SignIn>) -> Outcome<Vec<Box<dyn SignInTask>>> {
        let module = self.clone();
        Box::pin(async move { M::tasks(&module, sign_in).await })
    }

    fn signed_in(&self, sign_in: Arc<SignIn>) -> Outcome<Vec<Fragment>> {
        let module = self.clone();
        Box::pin(async move { M::signed_in(&module, sign_in).await })
    }
}
