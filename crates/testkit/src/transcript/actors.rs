//! What a transcript is played on: the server in this process, over sockets, or somebody else's.

use std::error::Error;
use std::time::Duration;

use xml::{Element, Fault, Tree};

use super::{Actor, Listener, Need};

/// A session to sign in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignIn {
    /// Who does it.
    pub actor: Actor,
    /// The full JID to bind.
    pub full_jid: String,
    /// The account's password.
    pub password: String,
    /// Whether it binds at all: not when it is to resume a session.
    pub binds: bool,
}

/// What comes to an actor.
#[derive(Clone, Debug)]
pub enum Received {
    /// The server's stream header, or its `<open/>`.
    Header(Tree),
    /// A child of the stream, in detached form.
    Element(Tree),
    /// The server has ended its stream: `</stream:stream>`, or `<close/>`.
    Closed,
    /// The transport has ended. Comes once, after everything else.
    Cut,
}

impl Received {
    /// A stream header as the scanner gives it.
    ///
    /// # Errors
    ///
    /// A [`Fault`] when the header does not stand for itself.
    pub fn header(open: Element<'_>) -> Result<Self, Fault> {
        let mut bytes = open.bytes().to_vec();
        if !bytes.ends_with(b"/>") && bytes.pop().is_some() {
            bytes.extend_from_slice(b"/>");
        }
        Ok(Self::Header(Tree::parse(bytes)?))
    }

    /// A child of the stream as the scanner gives it.
    ///
    /// # Errors
    ///
    /// A [`Fault`] when its detached form does not parse: a bug of the `xml` crate.
    pub fn element(child: Element<'_>) -> Result<Self, Fault> {
        let mut bytes = Vec::new();
        child.write_detached(&mut bytes);
        Ok(Self::Element(Tree::parse_fragment(bytes)?))
    }
}

/// How the server goes down before it comes up again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Restart {
    /// As the operator asks it to.
    InOrder,
    /// At once, with everything that it had not stored lost.
    Killed,
    /// At once, with the machine it runs on.
    PowerCut,
}

/// What the server's disk can take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Room {
    /// It is full: every write is refused.
    None,
    /// It takes what it is given.
    Enough,
}

/// A test bench: a server, and those who talk to it.
///
/// Actors are known by name once they were [opened](Self::open) or [signed in](Self::sign_in); opening one again
/// replaces it.
pub trait Actors {
    /// What can go wrong on the bench itself. A server that misbehaves is no error: it shows in what is received.
    type Error: Error;

    /// Whether this bench offers what a file needs. A file that needs more is skipped.
    fn offers(&self, need: Need) -> bool;

    /// Whether the server can be set up with this TOML.
    fn takes(&self, toml: &str) -> bool {
        toml.is_empty() || self.offers(Need::Config)
    }

    /// Sets the server up with this TOML over the bench's own configuration. Called once, before everything else, and
    /// only with text that it [takes](Self::takes).
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    fn configure(&mut self, toml: &str) -> Result<(), Self::Error>;

    /// Makes an account.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), Self::Error>;

    /// Opens a transport and sends nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be opened. That the server closes it at once is received as [`Received::Cut`].
    fn open(&mut self, actor: &Actor, listener: Listener) -> Result<(), Self::Error>;

    /// Opens a transport, signs in and, if it is to, binds; the answers to that are not received by the actor.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    fn sign_in(&mut self, sign_in: &SignIn) -> Result<(), Self::Error>;

    /// Sends these bytes of a continuous stream; with another framing they are put into it.
    ///
    /// # Errors
    ///
    /// When the actor's transport is gone.
    fn send(&mut self, actor: &Actor, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Ends the actor's stream as its framing asks. What comes after is still received.
    ///
    /// # Errors
    ///
    /// When the actor's transport is gone.
    fn close(&mut self, actor: &Actor) -> Result<(), Self::Error>;

    /// Breaks the actor's transport. Nothing more is received.
    ///
    /// # Errors
    ///
    /// When the actor is unknown.
    fn cut(&mut self, actor: &Actor) -> Result<(), Self::Error>;

    /// Starts TLS on the actor's plain transport, or ends the handshake of one that is early.
    ///
    /// # Errors
    ///
    /// When the handshake fails.
    fn start_tls(&mut self, actor: &Actor) -> Result<(), Self::Error>;

    /// What comes to the actor next, waiting for it as long as it may still come; `None` when nothing does.
    ///
    /// # Errors
    ///
    /// When the actor is unknown or what came is not XML.
    fn receive(&mut self, actor: &Actor) -> Result<Option<Received>, Self::Error>;

    /// What has already come to the actor, in the order of [`receive`](Self::receive); `None` when nothing is left.
    /// After [`settle`](Self::settle) that is all there is.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    fn take_received(&mut self, actor: &Actor) -> Result<Option<Received>, Self::Error>;

    /// Lets everything sent so far have all its effects: until nothing moves, or, over sockets, by a barrier whose own
    /// stanzas nobody receives.
    ///
    /// # Errors
    ///
    /// When it does not come to rest.
    fn settle(&mut self) -> Result<(), Self::Error>;

    /// Lets time pass. Called only when [`Need::VirtualTime`] is offered.
    ///
    /// # Errors
    ///
    /// When the server does not come to rest.
    fn wait(&mut self, time: Duration) -> Result<(), Self::Error>;

    /// Stops the server and starts it again on the same data. Called only when [`Need::Restart`] is offered.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    fn restart(&mut self, restart: Restart) -> Result<(), Self::Error>;

    /// Fills the server's disk, or makes room on it. Called only when [`Need::InProcess`] is offered.
    ///
    /// # Errors
    ///
    /// When there is no server.
    fn disk(&mut self, room: Room) -> Result<(), Self::Error>;

    /// Checks that the server's metrics have `sample`, written with its labels, with this `value`. Called only when
    /// [`Need::InProcess`] is offered.
    ///
    /// # Errors
    ///
    /// When it is not there or has another value.
    fn metric(&mut self, sample: &str, value: &str) -> Result<(), Self::Error>;

    /// Gives the server another configuration: this TOML over the bench's own. Called only when [`Need::InProcess`] is
    /// offered.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    fn reload(&mut self, toml: &str) -> Result<(), Self::Error>;

    /// Gives the server an operator's command. Called only when [`Need::Commands`] is offered.
    ///
    /// # Errors
    ///
    /// When the command fails.
    fn command(&mut self, command: &str) -> Result<(), Self::Error>;
}
