//! A server in a world: the engine over a virtual disk, and the connections that a test gives it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::{Duration, Instant},
};

use engine::{
    ClientSettings, Connection, Environment, Peer, Server, Settings, TlsFacts, module::Entry,
};
use store::{Gate, Memory, Store, StoreError};

use super::{
    executor::{Handle, VirtualWorld},
    random::Random,
};

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
    bench: Bench,
    random: Random,
    links: BTreeMap<u64, Link>,
    next_link: u64,
    /// How long the disk takes to write what it is given, at most.
    pub disk_delay: Duration,
    disk_due: Option<Instant>,
}

/// One client's transport.
struct Link {
    connection: Connection,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    woken: Arc<Flag>,
    /// The server dropped it; nothing more comes.
    ended: bool,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
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
        Ok(Self {
            world,
            environment,
            disk,
            store,
            server,
            bench,
            random,
            links: BTreeMap::new(),
            next_link: 0,
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
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let link = Link {
            connection,
            to_server: Vec::new(),
            to_client: Vec::new(),
            woken,
            ended: false,
        };
        self.links.insert(id.0, link);
        id
    }

    /// The client sends bytes; what cannot be taken yet waits in the transport.
    pub fn send(&mut self, id: LinkId, bytes: &[u8]) {
        if let Some(link) = self.links.get_mut(&id.0) {
            link.to_server.extend_from_slice(bytes);
        }
    }

    /// What came to the client since it was last asked.
    pub fn received(&mut self, id: LinkId) -> Vec<u8> {
        self.links
            .get_mut(&id.0)
            .map(|link| std::mem::take(&mut link.to_client))
            .unwrap_or_default()
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
            link.woken.0.store(true, Ordering::Release);
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
                link.woken.0.store(true, Ordering::Release);
            }
            self.settle().map_err(|error| error.to_string())?;
        }
        self.world.forget_tasks();
        for (_, link) in std::mem::take(&mut self.links) {
            // A killed process runs no destructors.
            std::mem::forget(link.connection);
        }
        self.disk_due = None;
        let (store, server) = boot(&self.environment, &self.disk, &self.bench, &mut self.random)?;
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
        let ids: Vec<u64> = self.links.keys().copied().collect();
        let start = self.random.below(ids.len());
        for offset in 0..ids.len() {
            let Some(id) = ids.get((start + offset) % ids.len().max(1)) else {
                continue;
            };
            let now = self.environment.now();
            if self.links.get_mut(id).is_some_and(|link| link.drive(now)) {
                return true;
            }
        }
        false
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
                link.woken.0.store(true, Ordering::Release);
            }
        }
    }
}

impl Link {
    /// Polls, reads and flushes once. Whether anything moved.
    fn drive(&mut self, now: Instant) -> bool {
        if self.ended {
            return false;
        }
        let mut moved = false;
        if self.woken.0.swap(false, Ordering::AcqRel) {
            moved = true;
            let waker = Waker::from(self.woken.clone());
            let _ = self.connection.poll(&mut Context::from_waker(&waker), now);
        }
        if !self.to_server.is_empty() && self.connection.wants_read() {
            moved = true;
            let bytes = std::mem::take(&mut self.to_server);
            self.connection.receive(&bytes, now);
            self.woken.0.store(true, Ordering::Release);
        }
        let before = self.to_client.len();
        self.connection.flush(&mut self.to_client);
        if self.to_client.len() > before {
            moved = true;
            self.woken.0.store(true, Ordering::Release);
        }
        if self.connection.is_closed() {
            self.ended = true;
            moved = true;
        }
        moved
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
