//! A whole server in this process, over a disk in memory: what a driver does to a connection, without the driver.
//!
//! Unlike the test kit's world nothing here is left to chance, and nothing is done that a worker would not do: what is
//! counted is the server. The clock stands still, randomness repeats, heavy jobs run where they are asked for.

use std::{
    future::poll_fn,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use engine::{
    ClientSettings, Connection, Environment, HostFacts, HostSettings, Peer, Server, Settings, Task,
    TlsFacts,
};
use jid::{BareJid, Domain};
use stanza::Timestamp;
use store::{Backend, Batch, Memory, Store, StoreError};

/// The one virtual host.
pub(crate) const HOST: &str = "example.org";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "wherefore art thou";

/// How a client opens its stream, before and after signing in.
pub(crate) const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>";

/// A server and what it stands on.
pub(crate) struct World {
    edge: Arc<Edge>,
    /// What it stores.
    pub(crate) disk: Memory,
    store: Store,
    server: Arc<Server>,
    clients: Arc<ClientSettings>,
    /// What is stored from now on is said to be, and is not.
    discards: AtomicBool,
}

/// What modules are set to, by name, as JSON.
pub(crate) type Modules = [(&'static str, &'static str)];

impl World {
    /// A server with all features on an empty disk.
    pub(crate) fn new() -> Self {
        Self::over(Memory::new())
    }

    /// The same with modules that are set to something else.
    pub(crate) fn with(modules: &Modules) -> Self {
        Self::start(Memory::new(), modules)
    }

    /// A server on a disk that another one may have used: nobody is in its memory.
    pub(crate) fn over(disk: Memory) -> Self {
        Self::start(disk, &[])
    }

    fn start(disk: Memory, set: &Modules) -> Self {
        let edge = Arc::new(Edge::new());
        let store = disk.store().expect("a disk in memory can be read");
        let domain = Domain::parse(HOST).expect("the host is a domain");
        let mut facts = HostFacts::new(domain);
        // What a password costs to stretch is the operator's choice, and nothing of ours to count.
        facts.scram_iterations = NonZeroU32::MIN;
        // A message costs what passing it on costs.
        let set = [("archive", "\"never\"")].iter().chain(set);
        let host = HostSettings {
            facts,
            modules: set
                .map(|(name, to)| {
                    let to = serde_json::from_str(to).expect("what is set is JSON");
                    ((*name).to_owned(), to)
                })
                .collect(),
        };
        let settings = Settings {
            hosts: vec![host],
            ..Settings::default()
        };
        let server = Server::new(
            edge.clone(),
            store.clone(),
            modules::ALL,
            &settings,
            [7; 32],
        )
        .expect("the defaults are a configuration");
        server.make_tokens_with([8; 32]);
        let clients = ClientSettings::default();
        Self {
            edge,
            disk,
            store,
            server,
            clients: Arc::new(clients),
            discards: AtomicBool::new(false),
        }
    }

    /// From now on the store has a thread of its own, as in the server, so that its work is not counted here: what is to
    /// be written counts as written.
    pub(crate) fn leave_out_the_store(&self) {
        self.discards.store(true, Ordering::Relaxed);
    }

    /// Makes an account.
    pub(crate) fn add_account(&self, name: &str) {
        let jid = BareJid::from_parts(Some(name), HOST).expect("the names are valid");
        let server = self.server.clone();
        self.edge.spawn(Box::pin(async move {
            let made = server.create_account(&jid, PASSWORD, false).await;
            made.expect("the account is new and the disk takes it");
        }));
        self.settle(&mut []);
    }

    /// A client whose TLS handshake is over.
    pub(crate) fn connect(&self) -> Link {
        // Whoever is exempt is not throttled; the clock stands still.
        let peer = Peer {
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            label: String::new(),
        };
        let mut connection = Connection::new(
            self.server.clone(),
            self.clients.clone(),
            peer,
            self.edge.now(),
        );
        connection.tls_established(TlsFacts::default());
        let bell = Arc::new(Bell::default());
        Link {
            connection,
            waker: bell.clone().into(),
            bell,
            out: Vec::new(),
        }
    }

    /// A client that has signed in, bound `resource` and sent presence.
    pub(crate) fn sign_in(&self, name: &str, resource: &str) -> Link {
        let mut link = self.bound(name, resource);
        let answer = self.exchange(&mut link, "<presence/>");
        assert!(
            answer.starts_with("<presence"),
            "who signed in gets its own presence: {answer}"
        );
        link
    }

    /// A client that has signed in and bound `resource`.
    pub(crate) fn bound(&self, name: &str, resource: &str) -> Link {
        let mut link = self.connect();
        let plain = sasl::wire::encode(&sasl::client::plain(name, PASSWORD));
        for text in [
            HEADER.to_owned(),
            format!(
                "<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
                xml::ns::SASL
            ),
            HEADER.to_owned(),
            bind(resource),
        ] {
            self.exchange(&mut link, &text);
        }
        link
    }

    /// Sends `text` and gives what comes back once everything has settled.
    pub(crate) fn exchange(&self, link: &mut Link, text: &str) -> String {
        self.send(link, text);
        self.settle(std::slice::from_mut(link));
        String::from_utf8(std::mem::take(&mut link.out)).expect("the server sends text")
    }

    /// The server reads `text` in one piece, then gets its turn.
    pub(crate) fn send(&self, link: &mut Link, text: &str) {
        link.connection.receive(text.as_bytes(), self.edge.now());
        link.turn(self.edge.now());
    }

    /// The moment at which the clock stands.
    pub(crate) fn now(&self) -> Instant {
        self.edge.now()
    }

    /// Lets everything happen that can.
    pub(crate) fn settle(&self, links: &mut [Link]) {
        let (mut disk, mut elsewhere) = (self.disk.clone(), Elsewhere);
        let backend: &mut dyn Backend = match self.discards.load(Ordering::Relaxed) {
            true => &mut elsewhere,
            false => &mut disk,
        };
        loop {
            let mut moved = self.edge.run_tasks() | self.store.turn(backend);
            for link in links.iter_mut().filter(|link| link.is_rung()) {
                link.turn(self.edge.now());
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    /// A second passes, as far as anybody waits for it: what is written lazily is on disk.
    pub(crate) fn let_a_second_pass(&self) {
        self.edge.time_passes.store(true, Ordering::Relaxed);
        self.settle(&mut []);
        self.edge.time_passes.store(false, Ordering::Relaxed);
    }

    /// What is random from here on is what was random from the first call on.
    pub(crate) fn repeat_randomness(&self) {
        self.edge.random.store(1, Ordering::Relaxed);
    }
}

/// The request to bind `resource`.
pub(crate) fn bind(resource: &str) -> String {
    format!(
        "<iq type='set' id='b'><bind xmlns='{}'><resource>{resource}</resource></bind></iq>",
        xml::ns::BIND
    )
}

/// Another thread's disk.
struct Elsewhere;

impl Backend for Elsewhere {
    fn apply(&mut self, _: &[Arc<Batch>]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One client's connection, as its driver holds it.
pub(crate) struct Link {
    connection: Connection,
    bell: Arc<Bell>,
    waker: Waker,
    /// What the client has not read yet.
    pub(crate) out: Vec<u8>,
}

impl Link {
    /// From the next turn on, who is woken is somebody else.
    pub(crate) fn wake_through(&mut self, waker: Waker) {
        self.waker = waker;
    }

    /// The server reads `text` in one piece.
    pub(crate) fn receive(&mut self, text: &str, now: Instant) {
        self.connection.receive(text.as_bytes(), now);
    }

    /// Whether something was woken that has had no turn since.
    pub(crate) fn is_rung(&self) -> bool {
        self.bell.0.load(Ordering::Acquire)
    }

    /// What a driver does when it is woken, short of the socket.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.bell.0.store(false, Ordering::Release);
        let _ = self
            .connection
            .poll(&mut Context::from_waker(&self.waker), now);
        self.connection.flush(&mut self.out);
    }
}

/// Notes that a connection has something to do.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// What the engine asks of the world, with all that differs from run to run taken out.
struct Edge {
    origin: Instant,
    random: AtomicU64,
    tasks: Mutex<Vec<Task>>,
    /// Who waits for the next second has waited enough.
    time_passes: Arc<AtomicBool>,
}

impl Edge {
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the one at which the clock stands"
    )]
    fn new() -> Self {
        Self {
            origin: Instant::now(),
            random: AtomicU64::new(1),
            time_passes: Arc::default(),
            tasks: Mutex::default(),
        }
    }

    /// Polls every task once, and says whether there was one to end.
    fn run_tasks(&self) -> bool {
        let lock = || self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = std::mem::take(&mut *lock());
        if tasks.is_empty() {
            return false;
        }
        let before = tasks.len();
        let mut cx = Context::from_waker(Waker::noop());
        let mut left: Vec<Task> = tasks
            .into_iter()
            .filter_map(|mut task| task.as_mut().poll(&mut cx).is_pending().then_some(task))
            .collect();
        let moved = left.len() < before;
        // Tasks that wait for a time that never comes here stay in the memory they are in.
        let mut new = lock();
        left.append(&mut new);
        *new = left;
        moved
    }
}

impl Environment for Edge {
    fn now(&self) -> Instant {
        self.origin
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let drawn = self.random.fetch_add(1, Ordering::Relaxed);
            let [.., high] = drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            *byte = high;
        }
    }

    fn spawn(&self, task: Task) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task);
    }

    fn sleep_until(&self, deadline: Instant) -> Task {
        let is_soon = deadline <= self.origin + Duration::from_secs(1);
        let passes = self.time_passes.clone();
        Box::pin(poll_fn(move |_| {
            match is_soon && passes.load(Ordering::Relaxed) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }))
    }

    fn compute(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}
