//! A server in a world: the engine over a virtual disk, and the connections that a test gives it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::{Duration, Instant},
};

use engine::{
    ClientSettings, Connection, Environment, Peer, Server, Settings, TlsFacts, command::Control,
    module::Entry,
};
use store::{Gate, Memory, Store, StoreError};

use super::{
    command::Process,
    executor::{Handle, VirtualWorld},
    random::Random,
};

/// How much is under way to a client that does not read: what the kernel's buffers would take.
const WINDOW: usize = 256 * 1024;

/// Turns that may pass before a world counts as one that never rests.
const TURNS_MAX: usize = 2_000_000;

/// How a server in a world is made.
pub struct Bench {
    /// The features.
    pub entries: &'static [Entry],
    /// Hosts and limits.
    pub settings: Settings,
    /// What clients get.
    pub clients: Arc<ClientSettings>,
}

/// A server with its clients, on one thread and in virtual time.
pub struct World {
    world: Arc<VirtualWorld>,
    environment: Arc<Handle>,
    disk: Memory,
    store: Store,
    server: Arc<Server>,
    process: Arc<dyn Control>,
    bench: Bench,
    random: Random,
    links: BTreeMap<u64, Link>,
    ready: Arc<Mutex<Vec<u64>>>,
    next_link: u64,
    /// What the last words of a stopped server left for clients to read.
    left_over: BTreeMap<u64, Vec<u8>>,
    /// Bytes reach the server in pieces of any size.
    pub is_ragged: bool,
    /// How long the disk takes to write what it is given, at most.
    pub disk_delay: Duration,
    disk_due: Option<Instant>,
}

/// One client's transport.
struct Link {
    connection: Connection,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    bell: Arc<Bell>,
    /// The server dropped it; nothing more comes.
    ended: bool,
    /// How much may be under way to a client that does not read.
    window: usize,
}

/// Puts a link into the list of those that have something to do, once.
struct Bell {
    link: u64,
    rung: AtomicBool,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl Bell {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self.link);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// Names a client's transport.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LinkId(u64);

/// The world never comes to rest.
#[derive(Debug, thiserror::Error)]
#[error("the world does not come to rest within {TURNS_MAX} turns")]
pub struct Restless;

impl World {
    /// A server on an empty disk. Handlers are shuffled inside their stages by the seed.
    ///
    /// # Errors
    ///
    /// A configuration that a module refuses, as text.
    pub fn new(seed: u64, bench: Bench) -> Result<Self, String> {
        let world = VirtualWorld::new(seed);
        let disk = Memory::new();
        let mut random = Random::new(seed ^ 0x5eed);
        let environment = Arc::new(Handle(world.clone()));
        let (store, server) = boot(&environment, &disk, &bench, &mut random)?;
        let process: Arc<dyn Control> = Arc::new(Process);
        server.serve_in(&process);
        Ok(Self {
            process,
            world,
            environment,
            disk,
            store,
            server,
            bench,
            random,
            links: BTreeMap::new(),
            ready: Arc::default(),
            is_ragged: false,
            next_link: 0,
            left_over: BTreeMap::new(),
            disk_delay: Duration::ZERO,
            disk_due: None,
        })
    }

    /// The engine.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The disk, to look at or to break.
    #[must_use]
    pub fn disk(&self) -> &Memory {
        &self.disk
    }

    /// The seed's generator, for what the test itself leaves to chance.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How long the world has lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.world.elapsed()
    }

    /// A client connects. `tls` stands for a handshake that is over already.
    pub fn connect(&mut self, tls: Option<TlsFacts>) -> LinkId {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let label = format!("link {}", id.0);
        let peer = Peer {
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            label,
        };
        let mut connection = Connection::new(
            self.server.clone(),
            self.bench.clients.clone(),
            peer,
            self.environment.now(),
        );
        if let Some(facts) = tls {
            connection.tls_established(facts);
        }
        let bell = Arc::new(Bell {
            link: id.0,
            rung: AtomicBool::new(false),
            ready: self.ready.clone(),
        });
        bell.ring();
        let link = Link {
            connection,
            to_server: Vec::new(),
            to_client: Vec::new(),
            bell,
            ended: false,
            window: WINDOW,
        };
        self.links.insert(id.0, link);
        id
    }

    /// The client sends bytes; what cannot be taken yet waits in the transport.
    pub fn send(&mut self, id: LinkId, bytes: &[u8]) {
        if let Some(link) = self.links.get_mut(&id.0) {
            link.to_server.extend_from_slice(bytes);
            link.bell.ring();
        }
    }

    /// What came to the client since it was last asked.
    pub fn received(&mut self, id: LinkId) -> Vec<u8> {
        let Some(link) = self.links.get_mut(&id.0) else {
            return self.left_over.remove(&id.0).unwrap_or_default();
        };
        let came = std::mem::take(&mut link.to_client);
        if !came.is_empty() {
            link.bell.ring();
        }
        came
    }

    /// Whether the server has dropped the transport.
    #[must_use]
    pub fn is_ended(&self, id: LinkId) -> bool {
        self.links.get(&id.0).is_none_or(|link| link.ended)
    }

    /// The transport breaks without a word.
    pub fn cut(&mut self, id: LinkId) {
        let now = self.environment.now();
        if let Some(mut link) = self.links.remove(&id.0) {
            link.connection.lost(now);
        }
    }

    /// The TLS handshake the server agreed to.
    ///
    /// Returns whether it had agreed.
    pub fn start_tls(&mut self, id: LinkId, facts: TlsFacts) -> bool {
        let Some(link) = self.links.get_mut(&id.0) else {
            return false;
        };
        let agreed = link.connection.tls_requested();
        if agreed {
            link.connection.tls_established(facts);
            link.bell.ring();
        }
        agreed
    }

    /// Runs until nothing moves, without letting time pass but for what the disk takes.
    ///
    /// # Errors
    ///
    /// [`Restless`].
    pub fn settle(&mut self) -> Result<(), Restless> {
        for _ in 0..TURNS_MAX {
            if self.turn() {
                continue;
            }
            // The disk may be all that is waited for.
            match self.disk_due {
                Some(due) => self.world.advance_to(due),
                None => return Ok(()),
            }
        }
        Err(Restless)
    }

    /// Lets time pass, doing what falls due on the way.
    ///
    /// # Errors
    ///
    /// [`Restless`].
    pub fn wait(&mut self, time: Duration) -> Result<(), Restless> {
        let end = self.environment.now() + time;
        for _ in 0..TURNS_MAX {
            self.settle()?;
            match self.next_deadline().filter(|when| *when <= end) {
                Some(when) => {
                    self.world.advance_to(when);
                    self.wake_due();
                }
                None => {
                    self.world.advance_to(end);
                    self.wake_due();
                    return self.settle();
                }
            }
        }
        Err(Restless)
    }

    /// One thing happens, chosen by the seed. Whether anything did.
    pub fn turn(&mut self) -> bool {
        let order = self.random.below(3);
        for part in 0..3 {
            let moved = match (order + part) % 3 {
                0 => self.world.step(),
                1 => self.drive_one(),
                _ => self.turn_disk(),
            };
            if moved {
                return true;
            }
        }
        false
    }

    /// Runs an operator's future to its end.
    ///
    /// # Errors
    ///
    /// [`Restless`].
    pub fn run<T: Send + 'static>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Restless> {
        let slot = Arc::new(std::sync::Mutex::new(None));
        let result = slot.clone();
        self.environment.spawn(Box::pin(async move {
            let value = future.await;
            *result
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(value);
        }));
        for _ in 0..TURNS_MAX {
            self.settle()?;
            if let Some(value) = slot
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take()
            {
                return Ok(value);
            }
            let Some(next) = self.next_deadline() else {
                break;
            };
            self.world.advance_to(next);
            self.wake_due();
        }
        Err(Restless)
    }

    /// The server stops, in order or at once, and another starts on what the disk holds.
    ///
    /// # Errors
    ///
    /// What [`World::new`] says, or a world that does not come to rest.
    pub fn restart(&mut self, killed: bool) -> Result<(), String> {
        let now = self.environment.now();
        if !killed {
            for link in self.links.values_mut() {
                link.connection.stop(now);
                link.bell.ring();
            }
            self.settle().map_err(|error| error.to_string())?;
            self.server.write_what_is_owed();
            self.settle().map_err(|error| error.to_string())?;
        }
        self.world.forget_tasks();
        for (id, link) in std::mem::take(&mut self.links) {
            if !killed {
                self.left_over.insert(id, link.to_client);
            }
            // A killed process runs no destructors.
            std::mem::forget(link.connection);
        }
        self.disk_due = None;
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let (store, server) = boot(&self.environment, &self.disk, &self.bench, &mut self.random)?;
        server.serve_in(&self.process);
        self.store = store;
        self.server = server;
        Ok(())
    }

    /// Another configuration, as a reload takes it.
    ///
    /// # Errors
    ///
    /// What a module refuses, as text.
    pub fn reload(&mut self, settings: Settings) -> Result<(), String> {
        self.server
            .reload(&settings)
            .map_err(|error| error.to_string())?;
        self.bench.settings = settings;
        Ok(())
    }

    /// Drives one transport that has something to do.
    fn drive_one(&mut self) -> bool {
        let id = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            if ready.is_empty() {
                return false;
            }
            let index = self.random.below(ready.len());
            ready.swap_remove(index)
        };
        let now = self.environment.now();
        if let Some(link) = self.links.get_mut(&id) {
            let piece = match self.is_ragged {
                true => 1 + self.random.below(400),
                false => usize::MAX,
            };
            link.drive(now, piece);
        }
        true
    }

    /// The disk takes what waits after a while, and has it after another.
    fn turn_disk(&mut self) -> bool {
        let now = self.environment.now();
        match self.disk_due {
            Some(due) if now < due => false,
            Some(_) => {
                self.disk_due = None;
                let mut disk = self.disk.clone();
                self.store.turn(&mut disk)
            }
            None => {
                let micros = usize::try_from(self.disk_delay.as_micros()).unwrap_or(usize::MAX);
                if micros == 0 {
                    let mut disk = self.disk.clone();
                    return self.store.turn(&mut disk);
                }
                if self.store.gate(self.store.submitted()) != Gate::Pending {
                    return false;
                }
                let delay = self.random.below(micros);
                self.disk_due =
                    Some(now + Duration::from_micros(u64::try_from(delay).unwrap_or(0)));
                true
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let timers = self.world.next_timer();
        let links = self
            .links
            .values()
            .filter(|link| !link.ended)
            .filter_map(|link| link.connection.poll_timeout());
        links.chain(timers).min()
    }

    fn wake_due(&mut self) {
        let now = self.environment.now();
        for link in self.links.values() {
            if link
                .connection
                .poll_timeout()
                .is_some_and(|when| when <= now)
            {
                link.bell.ring();
            }
        }
    }
}

impl Link {
    /// Polls, reads up to `piece` bytes and flushes, once.
    fn drive(&mut self, now: Instant, piece: usize) {
        self.bell.rung.store(false, Ordering::Release);
        if self.ended {
            return;
        }
        let waker = Waker::from(self.bell.clone());
        let _ = self.connection.poll(&mut Context::from_waker(&waker), now);
        if !self.to_server.is_empty() && self.connection.wants_read() {
            let bytes: Vec<u8> = self
                .to_server
                .drain(..piece.min(self.to_server.len()))
                .collect();
            self.connection.receive(&bytes, now);
            self.bell.ring();
        }
        if self.to_client.len() < self.window {
            let before = self.to_client.len();
            self.connection.flush(&mut self.to_client);
            if self.to_client.len() > before {
                self.bell.ring();
            }
        }
        self.ended |= self.connection.is_closed();
    }
}

fn boot(
    environment: &Arc<Handle>,
    disk: &Memory,
    bench: &Bench,
    random: &mut Random,
) -> Result<(Store, Arc<Server>), String> {
    let store = disk
        .store()
        .map_err(|error: StoreError| error.to_string())?;
    let server = Server::shuffled(
        environment.clone(),
        store.clone(),
        bench.entries,
        &bench.settings,
        [7; 32],
        &mut |bound| random.below(bound),
    )
    .map_err(|error| error.to_string())?;
    Ok((store, server))
}
