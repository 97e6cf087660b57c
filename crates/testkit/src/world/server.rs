//! A server in a world: the engine over a virtual disk, and the connections that a test gives it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use engine::{Connection, Environment, Peer, Server, Settings, TlsFacts};
use store::Memory;

use super::{
    bench::Bench,
    executor::VirtualWorld,
    home::{Disk, DiskManners, Home},
    homes::{Carried, Carrier, Turn, WayFault, home_of, name_of},
    link::{Bell, Link, LinkId},
    moments::Moments,
    random::Random,
};

/// Turns that may pass before a world counts as one that never rests.
const TURNS_MAX: usize = 2_000_000;

/// A server with its clients, on one thread and in virtual time.
pub struct World {
    /// At least one.
    homes: Vec<Home>,
    /// The ways between them, if there are several.
    carrier: Option<Arc<Carrier>>,
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
    /// Disks write a part of what waits, as often as not, and the rest another time: a death or a fault falls between
    /// any two batches.
    pub disk_is_piecemeal: bool,
    /// How long something takes from one home to another, at most.
    pub way_delay: Duration,
    /// How many parcels went from one home to another.
    pub crossings: usize,
    /// What has happened that a death of the server could come right after.
    pub moments: Moments,
}

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
        Self::with_homes(seed, bench, 1, WayFault::None)
    }

    /// The same as several homes that share nothing but the clock: each account lives in one of them.
    ///
    /// # Errors
    ///
    /// As [`World::new`].
    pub fn with_homes(
        seed: u64,
        bench: Bench,
        count: usize,
        fault: WayFault,
    ) -> Result<Self, String> {
        let mut random = Random::new(seed ^ 0x5eed);
        let carrier =
            (count > 1).then(|| Carrier::new(count, fault, Random::new(seed.rotate_left(31))));
        let clock = VirtualWorld::new(seed);
        let mut homes = Vec::new();
        for number in 0..count.max(1) {
            let world = match number {
                0 => clock.clone(),
                other => clock.beside(seed.rotate_left(u32::try_from(other).unwrap_or(0))),
            };
            let port = carrier.as_ref().map(|carrier| carrier.port(number));
            homes.push(Home::new(world, port, &bench, &mut random)?);
        }
        Ok(Self {
            homes,
            carrier,
            bench,
            random,
            links: BTreeMap::new(),
            ready: Arc::default(),
            is_ragged: false,
            next_link: 0,
            left_over: BTreeMap::new(),
            disk_delay: Duration::ZERO,
            disk_is_piecemeal: false,
            way_delay: Duration::ZERO,
            crossings: 0,
            moments: Moments::default(),
        })
    }

    /// How many homes there are.
    #[must_use]
    pub fn homes(&self) -> usize {
        self.homes.len()
    }

    /// In which of them this account lives.
    #[must_use]
    pub fn home_of(&self, bare_jid: &str) -> usize {
        home_of(bare_jid, self.homes.len())
    }

    /// The engine of the first home.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        self.server_at(0)
    }

    /// The engine of one home.
    #[must_use]
    pub fn server_at(&self, home: usize) -> &Arc<Server> {
        &self.home(home).server
    }

    /// The disk of one home, to look at or to break.
    #[must_use]
    pub fn disk_at(&self, home: usize) -> &Memory {
        &self.home(home).disk
    }

    /// All disks.
    pub fn disks(&self) -> impl Iterator<Item = &Memory> {
        self.homes.iter().map(|home| &home.disk)
    }

    fn home(&self, number: usize) -> &Home {
        self.homes
            .get(number)
            .or(self.homes.first())
            .expect("a world has at least one home")
    }

    fn now(&self) -> Instant {
        self.home(0).environment.now()
    }

    /// The seed's generator, for what the test itself leaves to chance.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How long the world has lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.home(0).world.elapsed()
    }

    /// A client connects to the first home. `tls` stands for a handshake that is over already.
    pub fn connect(&mut self, tls: Option<TlsFacts>) -> LinkId {
        self.connect_to(0, tls)
    }

    /// The same to a home of its choice.
    pub fn connect_to(&mut self, home: usize, tls: Option<TlsFacts>) -> LinkId {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let label = format!("link {}", id.0);
        let peer = Peer {
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            label,
        };
        let mut connection = Connection::new(
            self.server_at(home).clone(),
            self.bench.clients.clone(),
            peer,
            self.now(),
        );
        if let Some(facts) = tls {
            connection.tls_established(facts);
        }
        let bell = Bell::new(id.0, self.ready.clone());
        bell.ring();
        let link = Link::new(home, connection, bell);
        self.links.insert(id.0, link);
        id
    }

    /// A client connects to a home, and sends what comes next before its handshake is over: until
    /// [`end_handshake`](Self::end_handshake).
    pub fn connect_early(&mut self, home: usize, facts: TlsFacts) -> LinkId {
        let id = self.connect_to(home, None);
        if let Some(link) = self.links.get_mut(&id.0) {
            link.connection.tls_early(facts);
            link.is_early = true;
        }
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
        let now = self.now();
        if let Some(mut link) = self.links.remove(&id.0) {
            link.connection.lost(now);
        }
    }

    /// The handshake of a client that sent something before is over.
    ///
    /// Returns whether it is such a client.
    pub fn end_handshake(&mut self, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id.0) else {
            return false;
        };
        let was_early = std::mem::take(&mut link.is_early);
        if was_early {
            link.connection.tls_established(TlsFacts::default());
            link.bell.ring();
        }
        was_early
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
            if !self.go_on() {
                return Ok(());
            }
        }
        Err(Restless)
    }

    /// One thing happens, or time passes until a disk or a way between homes is done with something. Whether there
    /// was either.
    pub fn go_on(&mut self) -> bool {
        if self.turn() {
            return true;
        }
        let disks = self.homes.iter().filter_map(|home| home.disk_due);
        let ways = self.carrier.iter().filter_map(|carrier| carrier.due());
        match disks.chain(ways).min() {
            Some(due) => {
                self.advance_to(due);
                true
            }
            None => false,
        }
    }

    /// Lets time pass, doing what falls due on the way.
    ///
    /// # Errors
    ///
    /// [`Restless`].
    pub fn wait(&mut self, time: Duration) -> Result<(), Restless> {
        let end = self.now() + time;
        for _ in 0..TURNS_MAX {
            self.settle()?;
            match self.next_deadline().filter(|when| *when <= end) {
                Some(when) => {
                    self.advance_to(when);
                    self.wake_due();
                }
                None => {
                    self.advance_to(end);
                    self.wake_due();
                    return self.settle();
                }
            }
        }
        Err(Restless)
    }

    /// One thing happens, chosen by the seed. Whether anything did.
    pub fn turn(&mut self) -> bool {
        let homes = self.homes.len();
        let parts = 2 * homes + 1 + usize::from(self.carrier.is_some());
        let order = self.random.below(parts);
        for part in 0..parts {
            let moved = match (order + part) % parts {
                part if part < homes => self.home(part).world.step(),
                part if part == homes => self.drive_one(),
                part if part <= 2 * homes => self.turn_disk(part - homes - 1),
                _ => self.turn_carrier(),
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
        self.home(0).environment.spawn(Box::pin(async move {
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
            self.advance_to(next);
            self.wake_due();
        }
        Err(Restless)
    }

    /// All homes stop, in order or at once, and begin anew on what their disks hold.
    ///
    /// # Errors
    ///
    /// What [`World::new`] says, or a world that does not come to rest.
    pub fn restart(&mut self, killed: bool) -> Result<(), String> {
        (0..self.homes.len()).try_for_each(|home| self.restart_home(home, killed))
    }

    /// All homes lose their power, and their machines are started anew.
    ///
    /// # Errors
    ///
    /// As [`World::restart`].
    pub fn cut_power(&mut self) -> Result<(), String> {
        (0..self.homes.len()).try_for_each(|home| self.begin_anew(home, true, true))
    }

    /// The same for one home.
    ///
    /// # Errors
    ///
    /// As [`World::restart`].
    pub fn restart_home(&mut self, number: usize, killed: bool) -> Result<(), String> {
        self.begin_anew(number, killed, false)
    }

    fn begin_anew(
        &mut self,
        number: usize,
        killed: bool,
        is_power_cut: bool,
    ) -> Result<(), String> {
        let now = self.now();
        let is_here = |link: &Link| link.home == number;
        if !killed {
            for link in self.links.values_mut().filter(|link| is_here(link)) {
                link.connection.stop(now);
                link.bell.ring();
            }
            self.settle().map_err(|error| error.to_string())?;
            self.server_at(number).write_what_is_owed();
            self.settle().map_err(|error| error.to_string())?;
        }
        let (gone, stay) = std::mem::take(&mut self.links)
            .into_iter()
            .partition(|(_, link)| is_here(link));
        self.links = stay;
        for (id, link) in gone {
            if !killed {
                self.left_over.insert(id, link.to_client);
            }
            // A killed process runs no destructors.
            std::mem::forget(link.connection);
        }
        if let Some(carrier) = &self.carrier {
            carrier.begin_anew(number);
        }
        let port = self.carrier.as_ref().map(|carrier| carrier.port(number));
        match self.homes.get_mut(number) {
            Some(home) => home.begin_anew(port, &self.bench, &mut self.random, is_power_cut),
            None => Ok(()),
        }
    }

    /// Another configuration, as a reload takes it.
    ///
    /// # Errors
    ///
    /// What a module refuses, as text.
    pub fn reload(&mut self, settings: Settings) -> Result<(), String> {
        for home in &self.homes {
            home.server
                .reload(&settings)
                .map_err(|error| error.to_string())?;
        }
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
        let now = self.now();
        if let Some(link) = self.links.get_mut(&id) {
            let piece = match self.is_ragged {
                true => 1 + self.random.below(400),
                false => usize::MAX,
            };
            let written = link.drive(now, piece);
            self.moments.wrote(written);
        }
        true
    }

    fn turn_disk(&mut self, home: usize) -> bool {
        let now = self.now();
        let manners = DiskManners {
            delay: self.disk_delay,
            is_piecemeal: self.disk_is_piecemeal,
        };
        let Self { homes, random, .. } = self;
        let turned = homes
            .get_mut(home)
            .map_or(Disk::Idle, |home| home.turn_disk(now, manners, random));
        self.moments.commits += usize::from(turned == Disk::Wrote);
        turned != Disk::Idle
    }

    /// Something arrives from another home.
    fn turn_carrier(&mut self) -> bool {
        let Some(carrier) = &self.carrier else {
            return false;
        };
        match carrier.turn(self.now(), self.way_delay) {
            Turn::Nothing => false,
            Turn::Decided => true,
            Turn::Arrived((from, to), carried) => {
                let is_parcel = matches!(carried, Carried::Bytes(_));
                self.crossings += usize::from(is_parcel);
                let (server, from) = (self.server_at(to), name_of(from));
                match carried {
                    Carried::Up(_) => server.home_is_up(&from),
                    Carried::Down => server.home_is_down(&from),
                    Carried::Bytes(bytes) => server.home_sent(&from, &bytes),
                }
                true
            }
        }
    }

    fn advance_to(&self, when: Instant) {
        for home in &self.homes {
            home.world.advance_to(when);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let timers = self.homes.iter().filter_map(|home| home.world.next_timer());
        let links = self
            .links
            .values()
            .filter(|link| !link.ended)
            .filter_map(|link| link.connection.poll_timeout());
        links.chain(timers).min()
    }

    fn wake_due(&mut self) {
        let now = self.now();
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
