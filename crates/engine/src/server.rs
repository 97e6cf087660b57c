//! The engine as a whole: hosts, accounts in memory, the store, and the way in for what arrives.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jid::{BareJid, Domain};
use ring::hmac;
use sasl::{FakeCredentials, TokenKey};
use store::{Gate, Offers, Seq, Store, StoreError};
use stream::{ClientId, StreamFault};
use thiserror::Error;

use crate::{
    account::{AccountCell, CellState, ResidentKind, noted::Asleep},
    asks::Asks,
    command::{CommandEntry, Control},
    environment::{Environment, readable_id},
    homes::Links,
    host::{Host, HostSettings},
    limits::{Limits, SignInFailures},
    losses::Losses,
    metrics::Metrics,
    module::{AccountMessageCounters, ConfigError, Entry, Jobs, ServiceRef},
    registry::Registry,
    sabotage::Sabotage,
    session::SessionId,
    watch::Watches,
};

/// What the configuration says, checked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The virtual hosts by domain.
    pub hosts: Vec<HostSettings>,
    /// The `[limits]` table.
    pub limits: Limits,
    /// A fault for tests to find.
    pub sabotage: Sabotage,
}

/// The engine can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A module refuses its configuration.
    #[error("host.\"{host}\".{error}")]
    Config {
        /// Of which host.
        host: Domain,
        /// What is wrong.
        error: ConfigError,
    },
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The running engine.
pub struct Server {
    environment: Arc<dyn Environment>,
    store: Store,
    entries: Vec<Entry>,
    residents: Box<[ResidentKind]>,
    config: RwLock<Arc<Config>>,
    /// Which generation `config` is.
    generation: AtomicU64,
    pub(crate) registry: Registry,
    losses: Arc<Losses>,
    pub(crate) told: AccountMessageCounters,
    /// The ways to other homes, if there are any.
    pub(crate) links: Option<Links>,
    sign_ins: Mutex<SignInFailures>,
    fake: FakeCredentials,
    /// What tokens are made with, which the store must not know.
    pub(crate) token_key: OnceLock<TokenKey>,
    /// Makes resources that only their clients get.
    resources: hmac::Key,
    next_session: AtomicU64,
    sabotage: Sabotage,
    jobs: Mutex<Jobs>,
    asks: Mutex<Asks>,
    /// Accounts whose notes of sessions are behind.
    unnoted: Mutex<Vec<BareJid>>,
    asleep: Mutex<Asleep>,
    boot_id: Option<String>,
    /// It stops in good order.
    pub(crate) stopping: AtomicBool,
    started: Instant,
    /// The process around it, where there is one.
    control: OnceLock<Weak<dyn Control>>,
    pub(crate) sessions: AtomicU64,
    /// How many of them wait to be resumed.
    pub(crate) detached: AtomicU64,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watches: Watches,
}

/// One generation of the configuration, swapped whole.
struct Config {
    /// No other one in this process has the same.
    generation: u64,
    hosts: BTreeMap<String, Arc<Host>>,
    services: BTreeMap<String, ServiceRef>,
    limits: Arc<Limits>,
}

thread_local! {
    /// The generation this thread looked at last. Looking at it again touches nothing that another thread writes: on
    /// the way of a stanza a lock or a count that all workers share costs more than what it guards.
    static SEEN: RefCell<Option<Arc<Config>>> = const { RefCell::new(None) };
}

impl Server {
    /// Builds the hosts with the features of `entries`. `secret` is the stored secret behind the
    /// answers for names without an account.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`] when a module refuses its configuration.
    pub fn new(
        environment: Arc<dyn Environment>,
        store: Store,
        entries: &[Entry],
        settings: &Settings,
        secret: [u8; 32],
    ) -> Result<Arc<Self>, StartError> {
        Self::with_order(environment, store, entries, settings, secret, None)
    }

    /// The same with handlers reordered inside their stages, as tests do: nothing may depend on it.
    ///
    /// # Errors
    ///
    /// As [`Server::new`].
    pub fn shuffled(
        environment: Arc<dyn Environment>,
        store: Store,
        entries: &[Entry],
        settings: &Settings,
        secret: [u8; 32],
        random: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Arc<Self>, StartError> {
        Self::with_order(environment, store, entries, settings, secret, Some(random))
    }

    fn with_order(
        environment: Arc<dyn Environment>,
        store: Store,
        entries: &[Entry],
        settings: &Settings,
        secret: [u8; 32],
        random: Option<&mut dyn FnMut(usize) -> usize>,
    ) -> Result<Arc<Self>, StartError> {
        let config = Arc::new(Config::build(settings, entries, store.offers(), random)?);
        let losses = Arc::new(Losses::default());
        let boot_id = environment.boot_id();
        store.observe(losses.clone());
        let server = Arc::new(Self {
            started: environment.now(),
            links: environment.homes().map(Links::new),
            environment,
            store,
            entries: entries.to_vec(),
            residents: entries
                .iter()
                .flat_map(|entry| entry.resident)
                .copied()
                .collect(),
            generation: AtomicU64::new(config.generation),
            config: RwLock::new(config),
            registry: Registry::new(),
            losses,
            told: AccountMessageCounters::default(),
            sign_ins: Mutex::default(),
            fake: FakeCredentials::new(secret),
            token_key: OnceLock::new(),
            resources: key_for("resources", &secret),
            next_session: AtomicU64::new(1),
            sabotage: settings.sabotage,
            jobs: Mutex::default(),
            asks: Mutex::default(),
            unnoted: Mutex::default(),
            asleep: Mutex::default(),
            boot_id,
            stopping: AtomicBool::new(false),
            control: OnceLock::new(),
            sessions: AtomicU64::new(0),
            detached: AtomicU64::new(0),
            metrics: Arc::default(),
            watches: Watches::default(),
        });
        server.losses.belongs_to(&server);
        server.read_links();
        server.start_jobs();
        server.prepare_hosts();
        server.take_back_sessions();
        Ok(server)
    }

    /// Takes a new configuration: all of it, or on error none. Sessions of hosts that are gone end with
    /// `host-gone`.
    ///
    /// # Errors
    ///
    /// As [`Server::new`].
    pub fn reload(self: &Arc<Self>, settings: &Settings) -> Result<(), StartError> {
        let before = self.config();
        let mut config = Config::build(settings, &self.entries, self.store.offers(), None)?;
        for (domain, host) in &config.hosts {
            if let Some(old) = before.hosts.get(domain) {
                host.count_streams_of(old);
            }
        }
        config.keep_services_of(&before);
        let config = Arc::new(config);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config.clone();
        self.generation.store(config.generation, Ordering::Release);
        for cell in self.registry.all() {
            if !config.hosts.contains_key(cell.jid().domain()) {
                self.end_sessions(
                    cell.jid(),
                    None,
                    &StreamFault::HostGone(cell.jid().to_domain()),
                );
            }
        }
        self.prepare_anew(&before.hosts);
        self.start_jobs();
        Ok(())
    }

    /// The edge of the engine.
    #[must_use]
    pub fn environment(&self) -> &dyn Environment {
        &*self.environment
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        self.looked_at(|config| config.limits.clone())
    }

    /// One of the limits in force.
    pub(crate) fn limit<T>(&self, which: impl FnOnce(&Limits) -> T) -> T {
        self.looked_at(|config| which(&config.limits))
    }

    /// Whether a domain is one of ours: a virtual host, or a service of one.
    #[must_use]
    pub fn is_ours(&self, domain: &str) -> bool {
        self.looked_at(|config| {
            config.hosts.contains_key(domain) || config.services.contains_key(domain)
        })
    }

    /// The virtual host of a domain.
    #[must_use]
    pub fn host(&self, domain: &str) -> Option<Arc<Host>> {
        self.looked_at(|config| config.hosts.get(domain).cloned())
    }

    /// Whether a domain is a virtual host of ours.
    pub(crate) fn serves(&self, domain: &str) -> bool {
        self.looked_at(|config| config.hosts.contains_key(domain))
    }

    /// The host of a domain in the configuration in force, or else the one that is `known`.
    pub(crate) fn newest(&self, known: Option<Arc<Host>>, domain: &str) -> Option<Arc<Host>> {
        self.looked_at(|config| match (config.hosts.get(domain), known) {
            (Some(host), Some(known)) if Arc::ptr_eq(host, &known) => Some(known),
            (Some(host), _) => Some(host.clone()),
            (None, known) => known,
        })
    }

    /// The service that owns a domain, with the host it belongs to.
    pub(crate) fn service(&self, domain: &str) -> Option<ServiceRef> {
        self.looked_at(|config| config.services.get(domain).cloned())
    }

    pub(crate) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn unnoted(&self) -> MutexGuard<'_, Vec<BareJid>> {
        self.unnoted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accounts whose sessions of before the start are not back yet.
    pub(crate) fn asleep(&self) -> MutexGuard<'_, Asleep> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The boot of the machine.
    pub(crate) fn boot_id(&self) -> Option<&str> {
        self.boot_id.as_deref()
    }

    pub(crate) fn asks(&self) -> MutexGuard<'_, Asks> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All virtual hosts, by domain.
    #[must_use]
    pub fn hosts(&self) -> Vec<Arc<Host>> {
        self.config().hosts.values().cloned().collect()
    }

    /// This process serves it: what commands that came over a stream may ask. The first one counts.
    pub fn serve_in(&self, control: &Arc<dyn Control>) {
        let _ = self.control.set(Arc::downgrade(control));
    }

    /// The process that serves it.
    #[must_use]
    pub fn control(&self) -> Option<Arc<dyn Control>> {
        self.control.get()?.upgrade()
    }

    /// How long it has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.environment
            .now()
            .saturating_duration_since(self.started)
    }

    /// How many sessions there are.
    #[must_use]
    pub fn session_count(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// The most that waits for one session, in bytes: what the limit on outboxes is held against.
    #[must_use]
    pub fn largest_outbox_bytes(&self) -> usize {
        let cells = self.registry.all();
        let largest = |cell: &Arc<AccountCell>| match &*cell.lock() {
            CellState::Ready(account) => account
                .resources()
                .map(|resource| resource.session().outbox().bytes())
                .max(),
            CellState::Loading { .. } | CellState::Gone { .. } => None,
        };
        cells.iter().filter_map(largest).max().unwrap_or(0)
    }

    /// Every command, in the order of the features.
    pub fn commands(&self) -> impl Iterator<Item = &'static CommandEntry> {
        self.entries.iter().flat_map(|entry| entry.commands)
    }

    /// What features keep in memory with each account.
    pub(crate) fn residents(&self) -> &[ResidentKind] {
        &self.residents
    }

    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }

    pub(crate) fn fake_credentials(&self) -> &FakeCredentials {
        &self.fake
    }

    /// What the resource of a client ends with: the same as long as client, account and tag are.
    pub(crate) fn client_resource(&self, account: &BareJid, client: ClientId, tag: &str) -> String {
        let input = [account.as_str(), &client.to_string(), tag].join("\0");
        let made = hmac::sign(&self.resources, input.as_bytes());
        let bytes = made.as_ref().first_chunk::<16>();
        readable_id(*bytes.expect("SHA-256 yields 32 bytes"))
    }

    pub(crate) fn sign_ins(&self) -> MutexGuard<'_, SignInFailures> {
        self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn new_session_id(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// The fault a test has put in.
    pub(crate) fn sabotage(&self) -> Sabotage {
        self.sabotage
    }

    /// What became of a batch.
    pub(crate) fn gate(&self, seq: Seq) -> Gate {
        if self.sabotage == Sabotage::SkipGate {
            return Gate::Durable;
        }
        self.store.gate(seq)
    }

    /// The same for an acknowledgement.
    pub(crate) fn gate_of_ack(&self, seq: Seq) -> Gate {
        match self.sabotage {
            Sabotage::AckBeforeCommit => Gate::Durable,
            _ => self.gate(seq),
        }
    }

    /// The account's cell if it is loaded or being loaded.
    pub(crate) fn known_account(&self, jid: &BareJid) -> Option<Arc<AccountCell>> {
        self.registry.get(jid.as_str())
    }

    /// Lets an account without sessions leave memory, once there are many such.
    pub(crate) fn retire_idle(&self, cell: &Arc<AccountCell>) {
        if let CellState::Ready(account) = &mut *cell.lock() {
            if account.listed_idle || !account.is_idle() {
                return;
            }
            account.listed_idle = true;
        }
        let Some(oldest) = self.registry.idle(cell) else {
            return;
        };
        let mut state = oldest.lock();
        let CellState::Ready(account) = &mut *state else {
            return;
        };
        account.listed_idle = false;
        if !account.is_idle() {
            // It is listed again when its last session ends.
            return;
        }
        // What is not on disk yet can't be read back, and what is on its way is known here only: it stays until the next
        // time.
        if self.store.gate(account.last_seq) == Gate::Pending
            || account.mailbox().has_bodies_under_way()
        {
            account.listed_idle = true;
            drop(state);
            self.registry.keep_idle(&oldest);
            return;
        }
        *state = CellState::Gone { missing: false };
        drop(state);
        self.registry.remove(&oldest);
    }

    /// Looks at the configuration in force without sharing a count with other threads.
    fn looked_at<R>(&self, look: impl FnOnce(&Config) -> R) -> R {
        let generation = self.generation.load(Ordering::Acquire);
        SEEN.with(|seen| {
            if let Ok(seen) = seen.try_borrow()
                && let Some(config) = &*seen
                && config.generation == generation
            {
                return look(config);
            }
            let config = self.config();
            // Somebody further up may be looking at the last one; then the next look is the one to keep it.
            if let Ok(mut seen) = seen.try_borrow_mut() {
                *seen = Some(config.clone());
            }
            look(&config)
        })
    }

    fn config(&self) -> Arc<Config> {
        self.config
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A key for one purpose, made of the server's secret.
fn key_for(purpose: &str, secret: &[u8; 32]) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let made = hmac::sign(&secret, purpose.as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, made.as_ref())
}

impl Config {
    fn build(
        settings: &Settings,
        entries: &[Entry],
        offers: Offers,
        mut random: Option<&mut dyn FnMut(usize) -> usize>,
    ) -> Result<Self, StartError> {
        let mut hosts = BTreeMap::new();
        for one in &settings.hosts {
            let domain = one.facts.domain.clone();
            let mut one = one.clone();
            one.facts.full_text = offers.full_text;
            let mut host = Host::build(&one, entries).map_err(|error| StartError::Config {
                host: domain.clone(),
                error,
            })?;
            if let Some(random) = random.as_deref_mut() {
                host.shuffle(random);
            }
            hosts.insert(domain.as_str().to_owned(), Arc::new(host));
        }
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        Ok(Self {
            services: ServiceRef::all(&hosts)?,
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            hosts,
            limits: Arc::new(settings.limits.clone()),
        })
    }

    /// A service keeps its lock and what it made over a reload.
    fn keep_services_of(&mut self, before: &Self) {
        for (domain, service) in &mut self.services {
            if let Some(old) = before.services.get(domain) {
                service.cell = old.cell.clone();
            }
        }
    }
}
