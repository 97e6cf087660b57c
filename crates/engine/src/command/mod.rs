//! Commands: what operators and admins do, written once and offered in every place they work from.
//!
//! A command is a struct of its arguments with a table of fields ([`Field`]), from which its faces are
//! made: the command line and the form of an ad-hoc command (XEP-0050). A feature lists its commands in
//! [`Module::COMMANDS`](crate::module::Module::COMMANDS); they belong to the server, not to a host, so
//! each says whom it [concerns](Command::concerns), and is allowed or refused by that before it runs.

mod audience;
mod audit;
mod context;
mod control;
mod error;
mod field;
mod nearest;
mod secret;

use std::{fmt::Display, future::Future, pin::Pin};

use jid::Domain;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use self::audit::Audit;
pub use self::{
    audience::Audience,
    context::{AdminContext, Who},
    control::{Control, LOG_LEVELS},
    error::CommandError,
    field::{Field, FieldKind},
    secret::Secret,
};
use crate::permission::Action;

/// Something an operator can do. The implementing type holds the arguments.
pub trait Command: DeserializeOwned + Send + Sync + 'static {
    /// The words it is called by: `user kick`.
    const PATH: &'static str;
    /// What it does, as a sentence without its full stop.
    const ABOUT: &'static str;
    /// Who may use it.
    const NEEDS: Action;
    /// Its arguments, in the order they are written.
    const FIELDS: &'static [Field] = &[];
    /// Whether it means something only while the server runs.
    const NEEDS_RUNNING: bool = false;
    /// Whether it goes on until the one who asked has seen enough, and tells what it finds on the way to the
    /// [`Audience`].
    const LIVE: bool = false;
    /// Whether it only looks. Everything else is logged: who did what to whom, and what came of it.
    const READS_ONLY: bool = false;
    /// Its node as an ad-hoc command, where a specification or custom names one (XEP-0133). Commands that
    /// do the same to different things may share one.
    const NODE: Option<&'static str> = None;
    /// What it found or did: data for programs, and sentences for people.
    type Output: Serialize + Display + Send;

    /// What it acts on, which decides who may use it there.
    fn concerns(&self) -> Concern;

    /// Does it.
    fn run(
        self,
        cx: &AdminContext,
    ) -> impl Future<Output = Result<Self::Output, CommandError>> + Send;
}

/// What a command acts on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Concern {
    /// One virtual host and its accounts.
    Host(Domain),
    /// The server as a whole.
    Server,
}

impl Concern {
    /// The host of an address.
    #[must_use]
    pub fn host_of(jid: &jid::BareJid) -> Self {
        Self::Host(jid.to_domain())
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// For people.
    pub text: String,
    /// For programs.
    pub data: Value,
}

impl Outcome {
    /// Says `said` both ways.
    ///
    /// # Errors
    ///
    /// [`CommandError::Arguments`] when it can't be data.
    pub fn of<T: Serialize + Display>(said: &T) -> Result<Self, CommandError> {
        Ok(Self {
            text: said.to_string(),
            data: serde_json::to_value(said)
                .map_err(|error| CommandError::Arguments(error.to_string()))?,
        })
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Outcome, CommandError>> + Send>>;

/// A command without its type: one line of the list of all commands.
#[derive(Clone, Copy)]
pub struct CommandEntry {
    /// The words it is called by.
    pub path: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Who may use it.
    pub needs: Action,
    /// Its arguments.
    pub fields: &'static [Field],
    /// Whether it means something only while the server runs.
    pub needs_running: bool,
    /// Whether it goes on until the one who asked has seen enough.
    pub live: bool,
    /// Its node as an ad-hoc command, where a specification names one.
    pub node: Option<&'static str>,
    run: fn(Map<String, Value>, AdminContext) -> Running,
}

/// The line for command `C`.
#[must_use]
pub const fn command<C: Command>() -> CommandEntry {
    CommandEntry {
        path: C::PATH,
        about: C::ABOUT,
        needs: C::NEEDS,
        fields: C::FIELDS,
        needs_running: C::NEEDS_RUNNING,
        live: C::LIVE,
        node: C::NODE,
        run: |arguments, cx| Box::pin(run::<C>(arguments, cx)),
    }
}

impl CommandEntry {
    /// Reads the arguments, asks whether this may be, and does it.
    ///
    /// # Errors
    ///
    /// [`CommandError`], whose text says what to do instead.
    pub async fn run(
        &self,
        arguments: Map<String, Value>,
        cx: AdminContext,
    ) -> Result<Outcome, CommandError> {
        (self.run)(arguments, cx).await
    }
}

async fn run<C: Command>(
    arguments: Map<String, Value>,
    cx: AdminContext,
) -> Result<Outcome, CommandError> {
    if C::NEEDS_RUNNING && !cx.is_running() {
        return Err(CommandError::NotRunning);
    }
    field::check(C::FIELDS, &arguments)?;
    let audit = Audit::of::<C>(cx.who(), &arguments);
    let command: C = serde_json::from_value(Value::Object(arguments))
        .map_err(|error| CommandError::Arguments(error.to_string()))?;
    cx.permit(C::NEEDS, &command.concerns())
        .inspect_err(|_| audit.refused())?;
    let output = command.run(&cx).await;
    match &output {
        Err(CommandError::NotAllowed { .. } | CommandError::Outranked(_)) => audit.refused(),
        _ => audit.ended(&output),
    }
    Outcome::of(&output?)
}
