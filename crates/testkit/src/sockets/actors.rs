//! Plays transcripts over sockets.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use thiserror::Error;
use xml::Fault;

use super::{
    Addresses, Target, barrier,
    connection::Connection,
    session::{Part, Session},
};
use crate::transcript::{Actor, Actors, Listener, Need, Received, Restart, Room, SignIn};

/// How long something that is expected may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long a stream that takes no part in a barrier must be silent.
const SILENCE: Duration = Duration::from_millis(250);

/// How long a server may take to notice that a transport was cut.
const NOTICE: Duration = Duration::from_secs(2);

/// How long one stream is listened to while others are waited for.
const TURN: Duration = Duration::from_millis(20);

/// What transports without an address of their own name in TLS.
const HOST: &str = "example";

/// Who gives commands: no actor.
const OPERATOR: &str = "";

/// What can go wrong on this bench.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketsError {
    /// The server refuses what its operator asks, or does not come up.
    #[error("{0}")]
    Server(String),
    /// Nobody of that name has a transport.
    #[error("{0} has no transport")]
    Unknown(String),
    /// A transport broke where that is no part of the test.
    #[error("the transport failed: {0}")]
    Transport(#[from] io::Error),
    /// The server sent something that is not XML.
    #[error("the server sent what is no XML: {0}")]
    Xml(#[from] Fault),
    /// A sign-in did not go as it should.
    #[error("{who} could not sign in: got {got}")]
    SignIn {
        /// Who tried.
        who: String,
        /// What came instead.
        got: String,
    },
    /// A barrier was not passed in time: the server lost or held back something.
    #[error("{who} waits for {missing}")]
    Restless {
        /// Who waits.
        who: String,
        /// For the stanzas with these ids.
        missing: String,
    },
    /// This bench cannot do that.
    #[error("sockets cannot {0}")]
    Impossible(&'static str),
}

/// A bench over sockets. One is made per playing.
pub struct Sockets<T> {
    target: T,
    addresses: Option<Addresses>,
    sessions: BTreeMap<String, Session>,
    /// Of the next barrier.
    round: u64,
    /// Who said something last, until it has had its effects.
    speaker: Option<String>,
}

impl<T: Target> Sockets<T> {
    /// A bench for one playing on `target`.
    #[must_use]
    pub fn new(target: T) -> Self {
        Self {
            target,
            addresses: None,
            sessions: BTreeMap::new(),
            round: 0,
            speaker: None,
        }
    }

    fn address(&self, listener: Listener) -> Result<SocketAddr, SocketsError> {
        let addresses = self
            .addresses
            .ok_or_else(|| SocketsError::Server("the server was not started".to_owned()))?;
        Ok(match listener {
            Listener::Plain => addresses.plain,
            Listener::Tls | Listener::Early => addresses.tls,
        })
    }

    fn connect(&self, listener: Listener, host: &str) -> Result<Session, SocketsError> {
        let mut connection = Connection::open(self.address(listener)?)?;
        if listener != Listener::Plain {
            connection.start_tls(host)?;
        }
        Ok(Session::new(connection))
    }

    fn session(&mut self, actor: &Actor) -> Result<&mut Session, SocketsError> {
        self.sessions
            .get_mut(actor.name())
            .ok_or_else(|| SocketsError::Unknown(actor.name().to_owned()))
    }

    /// What one actor says takes effect before the next does something, as on the page; sockets alone do not order that.
    fn next_speaker(&mut self, name: &str) -> Result<(), SocketsError> {
        if self.speaker.as_deref().is_some_and(|last| last != name) {
            for _ in 0..barrier::ROUNDS {
                self.pass_barrier()?;
            }
        }
        self.speaker = Some(name.to_owned());
        Ok(())
    }

    /// Lets streams that can show no barrier say what they have to say.
    fn hear_bystanders(&mut self) -> Result<(), SocketsError> {
        for session in self.sessions.values_mut() {
            match session.part() {
                Part::Asks => continue,
                // If something comes that should have waited, the next that is to come shows it.
                Part::Listens => {
                    while session.read(Duration::ZERO)? {}
                    continue;
                }
                Part::None => {}
            }
            // One that has asked for its end gets it; others get a moment, or none if they are over.
            let limit = deadline(PATIENCE);
            while session.is_open() && session.has_closed() && left(limit) > Duration::ZERO {
                session.read(left(limit))?;
            }
            let silence = if session.is_open() {
                SILENCE
            } else {
                Duration::ZERO
            };
            while session.read(silence)? {}
        }
        Ok(())
    }

    /// Everybody pings the own account; returns when all answers have come.
    fn pass_barrier(&mut self) -> Result<(), SocketsError> {
        self.round += 1;
        let awaited = self.ask_everybody();
        let limit = deadline(PATIENCE);
        loop {
            let mut missing = awaited
                .iter()
                .filter(|(name, id)| self.lacks(name, id))
                .peekable();
            let Some((who, id)) = missing.peek() else {
                return Ok(());
            };
            if left(limit) == Duration::ZERO {
                return Err(SocketsError::Restless {
                    who: who.clone(),
                    missing: id.clone(),
                });
            }
            let names: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
            for name in names {
                if let Some(session) = self.sessions.get_mut(&name) {
                    session.read(TURN)?;
                }
            }
        }
    }

    /// Who waits for which answer.
    fn ask_everybody(&mut self) -> Vec<(String, String)> {
        let mut awaited = Vec::new();
        for (index, (name, session)) in self.sessions.iter_mut().enumerate() {
            match session.part() {
                Part::Asks => {
                    session.say_aside(&barrier::ping(self.round, index));
                    awaited.push((name.clone(), barrier::id(self.round, index)));
                }
                Part::Listens => {
                    awaited.extend(session.last_along().map(|id| (name.clone(), id.clone())));
                }
                Part::None => {}
            }
        }
        awaited
    }

    /// Whether an answer is still to come; to a stream that is over none is.
    fn lacks(&self, name: &str, id: &str) -> bool {
        let session = self.sessions.get(name).filter(|session| session.is_open());
        session.is_some_and(|session| !session.has_passed(id))
    }
}

impl<T: Target> Actors for Sockets<T> {
    type Error = SocketsError;

    fn offers(&self, need: Need) -> bool {
        match need {
            Need::Stream => true,
            Need::Documents | Need::InProcess | Need::VirtualTime => false,
            Need::Couplet | Need::Config | Need::Restart | Need::Commands => {
                self.target.offers(need)
            }
        }
    }

    fn takes(&self, toml: &str) -> bool {
        toml.is_empty() || self.target.takes(toml)
    }

    fn configure(&mut self, toml: &str) -> Result<(), SocketsError> {
        let addresses = self.target.start(toml).map_err(SocketsError::Server)?;
        self.addresses = Some(addresses);
        Ok(())
    }

    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), SocketsError> {
        self.target
            .create_account(bare_jid, password)
            .map_err(SocketsError::Server)
    }

    fn open(&mut self, actor: &Actor, listener: Listener) -> Result<(), SocketsError> {
        let session = self.connect(listener, HOST)?;
        self.sessions.insert(actor.name().to_owned(), session);
        Ok(())
    }

    fn sign_in(&mut self, sign_in: &SignIn) -> Result<(), SocketsError> {
        self.next_speaker(sign_in.actor.name())?;
        let (bare, resource) = sign_in
            .full_jid
            .split_once('/')
            .unwrap_or((&sign_in.full_jid, ""));
        let (local, domain) = bare.split_once('@').unwrap_or(("", bare));
        let mut session = self.connect(Listener::Tls, domain)?;
        let who = &sign_in.full_jid;
        let header = format!(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='{domain}' version='1.0'>"
        );
        let plain = sasl::wire::encode(&sasl::client::plain(local, &sign_in.password));
        let auth = format!(
            "<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
            xml::ns::SASL
        );
        let bind = format!(
            "<iq type='set' id='transcript-bind'><bind xmlns='{}'><resource>{}</resource></bind></iq>",
            xml::ns::BIND,
            escaped(resource),
        );
        converse(&mut session, who, &header, "features")?;
        converse(&mut session, who, &auth, "success")?;
        converse(&mut session, who, &header, "features")?;
        if sign_in.binds {
            converse(&mut session, who, &bind, "iq")?;
        }
        if sign_in.binds && session.full_jid().is_none() {
            let got = "no address".to_owned();
            let who = who.clone();
            return Err(SocketsError::SignIn { who, got });
        }
        self.sessions
            .insert(sign_in.actor.name().to_owned(), session);
        Ok(())
    }

    fn send(&mut self, actor: &Actor, bytes: &[u8]) -> Result<(), SocketsError> {
        self.next_speaker(actor.name())?;
        Ok(self.session(actor)?.say(bytes)?)
    }

    fn close(&mut self, actor: &Actor) -> Result<(), SocketsError> {
        self.send(actor, b"</stream:stream>")
    }

    fn cut(&mut self, actor: &Actor) -> Result<(), SocketsError> {
        self.next_speaker(actor.name())?;
        let session = self
            .sessions
            .remove(actor.name())
            .ok_or_else(|| SocketsError::Unknown(actor.name().to_owned()))?;
        session.cut(NOTICE);
        Ok(())
    }

    fn start_tls(&mut self, actor: &Actor) -> Result<(), SocketsError> {
        Ok(self.session(actor)?.start_tls(HOST)?)
    }

    fn receive(&mut self, actor: &Actor) -> Result<Option<Received>, SocketsError> {
        receive(self.session(actor)?)
    }

    fn take_received(&mut self, actor: &Actor) -> Result<Option<Received>, SocketsError> {
        Ok(self.session(actor)?.take())
    }

    fn settle(&mut self) -> Result<(), SocketsError> {
        self.hear_bystanders()?;
        for _ in 0..barrier::ROUNDS {
            self.pass_barrier()?;
        }
        self.speaker = None;
        Ok(())
    }

    fn wait(&mut self, _: Duration) -> Result<(), SocketsError> {
        Err(SocketsError::Impossible("turn the clock"))
    }

    fn restart(&mut self, restart: Restart) -> Result<(), SocketsError> {
        self.next_speaker(OPERATOR)?;
        self.target.restart(restart).map_err(SocketsError::Server)
    }

    fn metric(&mut self, _: &str, _: &str) -> Result<(), SocketsError> {
        Err(SocketsError::Impossible("look at metrics"))
    }

    fn disk(&mut self, _: Room) -> Result<(), SocketsError> {
        Err(SocketsError::Impossible("fill the disk"))
    }

    fn reload(&mut self, _: &str) -> Result<(), SocketsError> {
        Err(SocketsError::Impossible("change the configuration"))
    }

    fn command(&mut self, command: &str) -> Result<(), SocketsError> {
        self.next_speaker(OPERATOR)?;
        self.target.command(command).map_err(SocketsError::Server)
    }
}

/// Waits for what comes next.
fn receive(session: &mut Session) -> Result<Option<Received>, SocketsError> {
    let limit = deadline(PATIENCE);
    loop {
        if let Some(received) = session.take() {
            return Ok(Some(received));
        }
        if left(limit) == Duration::ZERO {
            return Ok(None);
        }
        session.read(left(limit))?;
    }
}

/// Sends `text` and takes what comes, up to an element called `until`.
fn converse(session: &mut Session, who: &str, text: &str, until: &str) -> Result<(), SocketsError> {
    session.say(text.as_bytes())?;
    loop {
        let received = receive(session)?;
        match &received {
            Some(Received::Header(_)) => {}
            Some(Received::Element(tree)) if tree.root().name() == until => return Ok(()),
            _ => {
                return Err(SocketsError::SignIn {
                    who: who.to_owned(),
                    got: received.map_or_else(|| "nothing".to_owned(), |got| format!("{got:?}")),
                });
            }
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = Vec::new();
    xml::escape_text(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "sockets have no virtual clock; no result depends on it but that something never comes"
)]
fn deadline(patience: Duration) -> Instant {
    Instant::now() + patience
}

#[expect(clippy::disallowed_methods, reason = "as above")]
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
