//! What a feature is: a folder with one [`Module`], whose [`Wiring`] names everything it touches.
//!
//! A module holds configuration only and is built anew when that changes; state lives in accounts,
//! sessions and the store. No module sees another.

mod account_message;
mod archives;
mod bind_inline;
mod circles;
mod entry;
mod gone;
pub mod iq;
mod job;
mod key;
mod prepare;
mod service;
mod sign_in;
mod stream_element;
mod wiring;

pub(crate) use self::{
    account_message::{AccountMessageCounters, AccountMessageHandler, Saying, Told},
    archives::ArchivesFn,
    bind_inline::{AtBindFn, BindHandler, Telling},
    circles::CirclesFn,
    gone::GoneFn,
    job::{JobEntry, Jobs},
    prepare::{Preparation, PrepareFn},
    service::{ServiceCell, ServiceRef},
    sign_in::SignInPart,
    stream_element::ElementHandler,
    wiring::{FannedOut, Gauge, Parts},
};

use std::future::Future;

use jid::Jid;
use serde::de::DeserializeOwned;
use stanza::{Stanza, StanzaError};
use thiserror::Error;
use xml::{Element, Fragment};

pub use crate::session::pieces::Pieces;

pub use self::{
    account_message::{AccountMessage, AccountMessageCounts, OnAccountMessage, TellError},
    archives::{ArchiveField, ArchiveFieldEntry, Archives},
    bind_inline::{AtBind, BindElement, BindInline},
    circles::Circles,
    entry::{Entry, Setting, entry},
    gone::Gone,
    iq::{IqContext, IqJob, To},
    job::Job,
    key::{Key, key_names},
    prepare::Prepare,
    service::{Service, ServiceParts, ServiceWiring},
    sign_in::{AtSignIn, SignIn, SignInOffer, SignInTask, TaskFuture, TaskStep},
    stream_element::{AtSession, StreamElement},
    wiring::{AtStream, Wiring},
};
use crate::{
    account::{Account, ResidentKind},
    command::CommandEntry,
    disco::Node,
    host::HostFacts,
    pipeline::{Context, Verdict, events::Event},
    server::Server,
    session::Session,
};

/// A feature of a virtual host.
pub trait Module: Sized + Send + Sync + 'static {
    /// Its name: the folder's, and its key under `[host."x"]`.
    const NAME: &'static str;
    /// The specifications it implements, for `SPECS.md`.
    const SPECS: &'static [Spec];
    /// What it keeps in memory with each account, because its stages need it. It is loaded also where
    /// the feature is off, so that a reload can turn it on.
    const RESIDENT: &'static [ResidentKind] = &[];
    /// What operators can do with it.
    const COMMANDS: &'static [CommandEntry] = &[];
    /// Its part of the configuration.
    type Config: DeserializeOwned + Default;

    /// The keys of that part, for the operator's book: `Config::keys()` where [`config!`](crate::config) declares it.
    #[must_use]
    fn keys() -> Vec<Key> {
        Vec::new()
    }

    /// Made once per host and configuration. `None`: this host does not have the feature.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when values that are well-formed by themselves don't fit together.
    fn new(config: Self::Config, host: &HostFacts) -> Result<Option<Self>, ConfigError>;

    /// Everything this feature touches. Nothing else in its folder registers itself.
    fn wire(wiring: &mut Wiring<'_, Self>);
}

/// One specification and how far it goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spec {
    /// `XEP-0280` or `RFC 6121`.
    pub name: &'static str,
    /// The version implemented, empty for an RFC.
    pub version: &'static str,
    /// What is left out, empty when it is complete.
    pub except: &'static str,
}

impl Spec {
    /// A XEP, complete.
    #[must_use]
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            except: "",
        }
    }

    /// Leaves a part out, named in a phrase.
    #[must_use]
    pub const fn except(mut self, what: &'static str) -> Self {
        self.except = what;
        self
    }
}

/// A module's configuration does not work.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// The key, below the host's table.
    pub key: String,
    /// What is wrong and what to write instead.
    pub problem: String,
}

/// For modules without configuration.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "true or false")]
pub struct NoConfig {}

/// Listens to an event at a stage.
pub trait On<E: Event> {
    /// Acts on `event`. Never waits.
    fn on(&self, event: &mut E, account: &mut Account, cx: &Context<'_>);
}

/// Answers for nodes of the host in service discovery.
pub trait DiscoNodes {
    /// What `node` is to whoever asks; `None` when it is not this feature's.
    ///
    /// # Errors
    ///
    /// The stanza error that is the answer: it is this feature's, but not for the one who asks.
    fn disco_node(&self, node: &str, cx: &IqContext<'_>) -> Option<Result<Node, StanzaError>>;
}

/// Sends on what a session sent to the host itself.
pub trait FanOut {
    /// What goes instead of a message or presence, and to whom, each as if the session had sent it itself; `None` when
    /// this is not for the feature. Never waits.
    ///
    /// # Errors
    ///
    /// The stanza error that is the answer; then nothing goes to anybody.
    fn fan_out(
        &self,
        stanza: &Stanza,
        session: &Session,
        server: &Server,
    ) -> Option<Result<Vec<(Jid, Stanza)>, StanzaError>>;
}

/// Stops stanzas.
pub trait Screen<E: Event> {
    /// What shall become of the stanza.
    fn screen(&self, event: &E, account: &Account, cx: &Context<'_>) -> Verdict;
}

/// The payload of an IQ request, parsed once.
pub trait Payload: Sized + 'static {
    /// The element's name.
    const ELEMENT: &'static str;
    /// Its namespace.
    const NS: &'static str;
    /// Whether it comes with `get` or `set`.
    const METHOD: Method;

    /// Reads the element.
    ///
    /// # Errors
    ///
    /// The stanza error that is the answer.
    fn parse(element: &Element<'_>) -> Result<Self, StanzaError>;
}

/// The two requests of RFC 6120 §8.2.3.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Method {
    /// `type='get'`.
    Get,
    /// `type='set'`.
    Set,
}

/// What an IQ is answered with: `None` is the empty result.
pub type Answer = Result<Option<Fragment>, StanzaError>;

/// Answers a request at once, under the lock of the account it is for.
pub trait AnswerIq<P: Payload> {
    /// The answer; `Err` is the error that is sent.
    ///
    /// # Errors
    ///
    /// The stanza error that is the answer.
    fn answer_iq(&self, payload: P, cx: &mut IqContext<'_>) -> Answer;
}

/// Answers a request that has to wait for something.
pub trait HandleIq<P: Payload>: Send + Sync {
    /// The answer; the future is run to its end whatever becomes of the asker.
    fn handle_iq(&self, payload: P, job: IqJob) -> impl Future<Output = Answer> + Send;
}
