//! Plays transcripts in a world: in this process, in virtual time, on either framing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::{ClientSettings, Settings, TlsFacts, metrics::Exposition, module::Entry};
use jid::BareJid;
use sasl::ChannelBinding;
use thiserror::Error;
use xml::{Fault, Framing};

use super::{Bench, Client, LinkId, WayFault, World};
use crate::transcript::{Actor, Actors, Listener, Need, Received, Restart, Room, SignIn, words};

/// What the bench's own configuration makes of a transcript's TOML.
pub type Configure = fn(&str) -> Result<(Settings, ClientSettings), String>;

/// What can go wrong on this bench.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The server refuses the configuration, or does not come up.
    #[error("{0}")]
    Server(String),
    /// Nobody of that name has a transport.
    #[error("{0} has no transport")]
    Unknown(String),
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
    /// The command is not known here or failed.
    #[error("the command failed: {0}")]
    Command(String),
    /// The metrics say something else.
    #[error("the metric {sample} is {got}, not {expected}")]
    Metric {
        /// The sample with its labels.
        sample: String,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The bytes are no text, which one-document framing needs.
    #[error("only text can be put into documents")]
    NotText,
}

/// A bench in one process. One is made per playing.
pub struct InProcess {
    seed: u64,
    framing: Framing,
    entries: &'static [Entry],
    configure: Configure,
    homes: usize,
    world: Option<World>,
    clients: BTreeMap<String, Client>,
}

/// The exporter value both ends of a virtual TLS connection know.
pub(crate) const EXPORTER: [u8; 32] = [42; 32];

impl InProcess {
    /// A bench for one playing: handlers are shuffled by `seed`.
    #[must_use]
    pub fn new(
        seed: u64,
        framing: Framing,
        entries: &'static [Entry],
        configure: Configure,
    ) -> Self {
        Self {
            seed,
            framing,
            entries,
            configure,
            homes: 1,
            world: None,
            clients: BTreeMap::new(),
        }
    }

    /// The same over so many homes.
    #[must_use]
    pub fn with_homes(self, homes: usize) -> Self {
        Self { homes, ..self }
    }

    fn world(&mut self) -> Result<&mut World, BenchError> {
        self.world
            .as_mut()
            .ok_or_else(|| BenchError::Server("the server was not configured".to_owned()))
    }

    fn with<T>(
        &mut self,
        actor: &Actor,
        body: impl FnOnce(&mut Client, &mut World) -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        let unknown = || BenchError::Unknown(actor.name().to_owned());
        let client = self.clients.get_mut(actor.name()).ok_or_else(unknown)?;
        let world = self.world.as_mut().ok_or_else(unknown)?;
        body(client, world)
    }

    /// A transport to the home of `account`; to the first one, if it is not known who will sign in.
    fn link(&mut self, tls: bool, account: Option<&str>) -> Result<LinkId, BenchError> {
        let world = self.world()?;
        let home = account.map_or(0, |account| world.home_of(account));
        Ok(world.connect_to(home, tls.then(virtual_tls)))
    }

    /// Sends `text` and gives all that comes back.
    fn exchange(&mut self, client: &mut Client, text: &str) -> Result<Vec<Received>, BenchError> {
        let world = self.world()?;
        client.send(world, text);
        world
            .settle()
            .map_err(|error| BenchError::Server(error.to_string()))?;
        let mut all = Vec::new();
        while let Some(received) = client.take(world)? {
            all.push(received);
        }
        Ok(all)
    }
}

/// What a handshake in a world gives the server.
fn virtual_tls() -> TlsFacts {
    TlsFacts {
        bindings: vec![ChannelBinding::Exporter(EXPORTER)],
        version: Some(0x0304),
        takes_early_data: false,
        xmpp_addresses: Vec::new(),
        description: "virtual TLS".to_owned(),
    }
}

impl Actors for InProcess {
    type Error = BenchError;

    fn offers(&self, need: Need) -> bool {
        match need {
            Need::Stream => self.framing == Framing::Stream,
            Need::Documents => self.framing == Framing::Document,
            Need::InProcess
            | Need::Couplet
            | Need::Config
            | Need::VirtualTime
            | Need::Restart
            | Need::Commands => true,
        }
    }

    fn configure(&mut self, toml: &str) -> Result<(), BenchError> {
        let (settings, mut clients) = (self.configure)(toml).map_err(BenchError::Server)?;
        let mut stream = clients.stream.as_ref().clone();
        stream.framing = self.framing;
        clients.stream = Arc::new(stream);
        let bench = Bench {
            entries: self.entries,
            settings,
            clients: Arc::new(clients),
        };
        let world = World::with_homes(self.seed, bench, self.homes, WayFault::None);
        let world = self.world.insert(world.map_err(BenchError::Server)?);
        world.way_delay = Duration::from_millis(5);
        Ok(())
    }

    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), BenchError> {
        let jid =
            BareJid::parse(bare_jid).map_err(|error| BenchError::Server(error.to_string()))?;
        let world = self.world()?;
        let server = world.server_at(world.home_of(bare_jid)).clone();
        let password = password.to_owned();
        let created = world
            .run(async move { server.create_account(&jid, &password, false).await })
            .map_err(|error| BenchError::Server(error.to_string()))?;
        created.map_err(|error| BenchError::Server(error.to_string()))
    }

    fn open(&mut self, actor: &Actor, listener: Listener) -> Result<(), BenchError> {
        let link = match listener {
            Listener::Plain => self.link(false, None)?,
            Listener::Tls => self.link(true, None)?,
            Listener::Early => self.world()?.connect_early(
                0,
                TlsFacts {
                    takes_early_data: true,
                    ..virtual_tls()
                },
            ),
        };
        self.clients
            .insert(actor.name().to_owned(), Client::new(link, self.framing));
        Ok(())
    }

    fn sign_in(&mut self, sign_in: &SignIn) -> Result<(), BenchError> {
        let bare_jid = sign_in.full_jid.split('/').next();
        let link = self.link(true, bare_jid)?;
        let mut client = Client::new(link, self.framing);
        let failed = |got: &[Received]| BenchError::SignIn {
            who: sign_in.full_jid.clone(),
            got: got
                .iter()
                .map(|received| format!("{received:?}"))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let (bare, resource) = sign_in
            .full_jid
            .split_once('/')
            .unwrap_or((&sign_in.full_jid, ""));
        let (local, domain) = bare.split_once('@').unwrap_or(("", bare));
        let header = header(domain);
        self.exchange(&mut client, &header)?;
        let plain = sasl::wire::encode(&sasl::client::plain(local, &sign_in.password));
        let auth = format!(
            "<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
            xml::ns::SASL
        );
        let got = self.exchange(&mut client, &auth)?;
        if !got
            .iter()
            .any(|received| is(received, "success", xml::ns::SASL))
        {
            return Err(failed(&got));
        }
        if !sign_in.binds {
            self.exchange(&mut client, &header)?;
            self.clients.insert(sign_in.actor.name().to_owned(), client);
            return Ok(());
        }
        let bind = format!(
            "{header}<iq type='set' id='transcript-bind'><bind xmlns='{}'><resource>{}</resource></bind></iq>",
            xml::ns::BIND,
            escaped(resource),
        );
        let got = self.exchange(&mut client, &bind)?;
        let is_bound = |received: &Received| matches!(received, Received::Element(tree) if tree.root().attr("type").as_deref() == Some("result"));
        if !got.iter().any(is_bound) {
            return Err(failed(&got));
        }
        self.clients.insert(sign_in.actor.name().to_owned(), client);
        Ok(())
    }

    fn send(&mut self, actor: &Actor, bytes: &[u8]) -> Result<(), BenchError> {
        self.with(actor, |client, world| {
            if world.is_ended(client.link()) {
                return Err(BenchError::Unknown(actor.name().to_owned()));
            }
            match std::str::from_utf8(bytes) {
                Ok(text) => client.send(world, text),
                Err(_) => world.send(client.link(), bytes),
            }
            Ok(())
        })
    }

    fn close(&mut self, actor: &Actor) -> Result<(), BenchError> {
        self.with(actor, |client, world| {
            client.send(world, "</stream:stream>");
            Ok(())
        })
    }

    fn cut(&mut self, actor: &Actor) -> Result<(), BenchError> {
        self.with(actor, |client, world| {
            world.cut(client.link());
            Ok(())
        })
    }

    fn start_tls(&mut self, actor: &Actor) -> Result<(), BenchError> {
        self.settle()?;
        self.with(actor, |client, world| {
            if world.end_handshake(client.link()) {
                return Ok(());
            }
            if !world.start_tls(client.link(), virtual_tls()) {
                return Err(BenchError::Server(
                    "the server did not agree to TLS".to_owned(),
                ));
            }
            client.restart();
            Ok(())
        })
    }

    fn receive(&mut self, actor: &Actor) -> Result<Option<Received>, BenchError> {
        if let Some(received) = self.take_received(actor)? {
            return Ok(Some(received));
        }
        self.settle()?;
        self.take_received(actor)
    }

    fn take_received(&mut self, actor: &Actor) -> Result<Option<Received>, BenchError> {
        self.with(actor, |client, world| Ok(client.take(world)?))
    }

    fn settle(&mut self) -> Result<(), BenchError> {
        self.world()?
            .settle()
            .map_err(|error| BenchError::Server(error.to_string()))
    }

    fn wait(&mut self, time: Duration) -> Result<(), BenchError> {
        self.world()?
            .wait(time)
            .map_err(|error| BenchError::Server(error.to_string()))
    }

    fn restart(&mut self, restart: Restart) -> Result<(), BenchError> {
        let world = self.world()?;
        match restart {
            Restart::InOrder => world.restart(false),
            Restart::Killed => world.restart(true),
            Restart::PowerCut => world.cut_power(),
        }
        .map_err(BenchError::Server)
    }

    fn disk(&mut self, room: Room) -> Result<(), BenchError> {
        let disks = self.world()?.disks();
        disks.for_each(|disk| disk.set_full(room == Room::None));
        Ok(())
    }

    /// Several homes count apart; what they say is added up.
    fn metric(&mut self, sample: &str, value: &str) -> Result<(), BenchError> {
        let world = self.world()?;
        let mut values = Vec::new();
        for home in 0..world.homes() {
            let mut exposition = Exposition::default();
            world.server_at(home).write_metrics(&mut exposition);
            let text = exposition.finish();
            let mut samples = text.lines().filter_map(|line| line.rsplit_once(' '));
            let found = samples.find(|(name, _)| *name == sample);
            values.extend(found.and_then(|(_, value)| value.parse::<f64>().ok()));
        }
        let got = match values.is_empty() {
            true => "not there".to_owned(),
            false => values.iter().sum::<f64>().to_string(),
        };
        match got == value {
            true => Ok(()),
            false => Err(BenchError::Metric {
                sample: sample.to_owned(),
                expected: value.to_owned(),
                got,
            }),
        }
    }

    fn reload(&mut self, toml: &str) -> Result<(), BenchError> {
        let (settings, _) = (self.configure)(toml).map_err(BenchError::Server)?;
        self.world()?.reload(settings).map_err(BenchError::Server)
    }

    fn command(&mut self, command: &str) -> Result<(), BenchError> {
        let world = self.world()?;
        let words = words(command);
        // Most commands that concern one account name it in the third place.
        let home = words.get(2).map_or(0, |account| world.home_of(account));
        let server = world.server_at(home).clone();
        world
            .run(async move { super::command::run(&server, &words).await })
            .map_err(|error| BenchError::Server(error.to_string()))?
            .map_err(BenchError::Command)
    }
}

fn header(domain: &str) -> String {
    format!(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='{domain}' version='1.0'>"
    )
}

fn is(received: &Received, name: &str, ns: &str) -> bool {
    matches!(received, Received::Element(tree) if tree.root().is(name, ns))
}

fn escaped(text: &str) -> String {
    let mut out = Vec::new();
    xml::escape_text(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}
