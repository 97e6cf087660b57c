//! A transcript as data.

use std::fmt;
use std::time::Duration;

use super::{Pattern, Template};

/// The host that a name without one belongs to.
pub(super) const HOST: &str = "example";

/// The password of an account that names none.
pub(super) const PASSWORD: &str = "secret";

/// One transcript file.
#[derive(Clone, Debug)]
pub struct Script {
    /// Which file it is, for messages.
    pub name: String,
    /// What it shows: its first comment.
    pub intent: String,
    /// The section under test, such as `xep-0280#outbound`.
    pub spec: String,
    /// TOML over the test bench's own configuration; often empty.
    pub config: String,
    /// What a bench must offer to play it, in order and each once.
    pub needs: Vec<Need>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One line of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Counted from one.
    pub line: usize,
    /// What it asks for.
    pub action: Action,
}

/// What a line asks for.
#[derive(Clone, Debug)]
pub enum Action {
    /// These accounts exist from here on.
    Accounts(Vec<Account>),
    /// These accounts, as bare JIDs, see each other's presence.
    Contacts(Vec<String>),
    /// These sign in, bind and send presence; everything received so far is put aside.
    Online(Vec<Actor>),
    /// These sign in and bind.
    Connected(Vec<Actor>),
    /// These sign in.
    SignedIn(Vec<Actor>),
    /// A transport is opened.
    Stream(Actor, Listener),
    /// Something is sent or done to a stream.
    Send(Actor, Sent),
    /// Something is received.
    Expect(Actor, Expected),
    /// Nobody receives anything more.
    ExpectNothing,
    /// Time passes.
    Wait(Duration),
    /// The server stops and starts again: in order, or killed.
    Server(super::Restart),
    /// The disk is full from now on, or has room again.
    Disk(super::Room),
    /// The server's metrics have this sample with this value.
    Metric(String, String),
    /// The operator gives a command.
    Command(Template),
    /// This is the configuration from now on, over that of the test bench.
    Reload(String),
}

/// An account to exist.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Its bare JID.
    pub jid: String,
    /// Its password.
    pub password: String,
}

/// Somebody who sends and receives: a session, named by account and resource, or a bare transport with a name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Actor(String);

impl Actor {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name as written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The full JID of a session; `None` for a bare transport.
    #[must_use]
    pub fn full_jid(&self) -> Option<String> {
        let (account, resource) = self.0.split_once('/')?;
        Some(format!("{}/{resource}", bare_jid(account)))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bare JID that `name` stands for.
pub(super) fn bare_jid(name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{HOST}")
    }
}

/// Where a transport is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listener {
    /// Plain TCP, where TLS may be started.
    Plain,
    /// TLS from the first byte, [XEP-0368](https://xmpp.org/extensions/xep-0368.html).
    Tls,
    /// The same, and what is sent comes before the handshake is over, until the actor ends it.
    Early,
}

/// What an actor does.
#[derive(Clone, Debug)]
pub enum Sent {
    /// It sends this text.
    Text(Template),
    /// It sends these bytes.
    Bytes(Vec<u8>),
    /// It ends its stream.
    Close,
    /// Its transport breaks.
    Cut,
    /// It starts TLS, or ends a handshake that it has sent something in.
    StartTls,
}

/// What an actor receives.
#[derive(Clone, Debug)]
pub enum Expected {
    /// These elements, next and in this order.
    InOrder(Vec<Pattern>),
    /// These elements, next and in any order.
    Unordered(Vec<Pattern>),
    /// Nothing, when all has settled.
    Nothing,
    /// Whatever it is, when all has settled.
    Anything,
    /// The end of the stream.
    Closed,
    /// The end of the transport.
    Cut,
}

/// What a test bench must offer for a file to play on it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Need {
    /// `only stream`: one XML document for the whole stream.
    Stream,
    /// `only documents`: one document per element (RFC 7395).
    Documents,
    /// `only in-process`: something that sockets cannot show.
    InProcess,
    /// `only couplet`: a behaviour of ours that other servers do not have.
    Couplet,
    /// The file has a `config`.
    Config,
    /// The file has a `wait`.
    VirtualTime,
    /// The file has a `server` line.
    Restart,
    /// The file has a `command`.
    Commands,
}

impl Need {
    /// The need that `only` names by `word`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "stream" => Self::Stream,
            "documents" => Self::Documents,
            "in-process" => Self::InProcess,
            "couplet" => Self::Couplet,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_addresses() {
        check("romeo/orchard", Some("romeo@example/orchard"));
        check("romeo@other.example/a/b", Some("romeo@other.example/a/b"));
        check("raw", None);
    }

    #[track_caller]
    fn check(name: &str, full_jid: Option<&str>) {
        assert_eq!(Actor::new(name).full_jid().as_deref(), full_jid);
    }
}
