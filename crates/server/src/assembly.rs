//! From a configuration to a running engine: the store with its threads, the engine's settings.
//!
//! `serve` puts a transport in front of it; commands without a running server use it alone.

use std::{num::NonZeroUsize, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::{Context, Result};
use engine::{
    Authentication, ClientSettings, ConflictPolicy, Environment, HostFacts, HostSettings, Server,
    Settings, SmSettings, metrics::Metrics,
};
use store::{Backend, Store, thread::ReaderThreads};
use store_sqlite::Sqlite;
use stream::C2sSettings;

use crate::{
    config::{Config, Durability, ResourceConflict},
    data_folder::DataFolder,
    features, metrics,
};

/// How long what was stored may stand in the journal only, where `sqlite3` does not show it. The longer, the more of it
/// comes and goes without getting to the tables.
const JOURNALED_AT_MOST: Duration = Duration::from_secs(5);

/// A store with its threads, and the engine on it.
pub(crate) struct Assembly {
    pub(crate) server: Arc<Server>,
    store: Store,
    writer: Option<JoinHandle<()>>,
}

impl Assembly {
    /// Opens the store in `data` and builds the engine.
    ///
    /// # Errors
    ///
    /// A sentence when the store cannot be opened or a feature refuses its configuration.
    pub(crate) fn open(
        config: &Config,
        data: &DataFolder,
        environment: Arc<dyn Environment>,
    ) -> Result<Self> {
        let durability = match config.general.durability {
            Durability::Full => store_sqlite::Durability::Full,
            Durability::Process => store_sqlite::Durability::Process,
        };
        let mut backend = Sqlite::open(data.path(), durability)
            .with_context(|| format!("cannot open the store in {}", data.path().display()))?;
        let readers = std::thread::available_parallelism()
            .map_or(2, NonZeroUsize::get)
            .clamp(2, 8);
        let readers = (0..readers)
            .map(|_| backend.reader())
            .collect::<Result<Vec<_>, _>>()?;
        let mut front = backend.reader()?;
        let carrier = backend.carrier();
        let store = Store::start(&mut front, Arc::new(ReaderThreads::spawn(readers)?))?;
        let server = Server::new(
            environment,
            store.clone(),
            features::ALL,
            &settings(config),
            data.accounts_secret()?,
        )?;
        server.make_tokens_with(data.tokens_key()?);
        let (for_writer, metrics) = (store.clone(), Arc::clone(server.metrics()));
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let _guard = EndsProcess;
                write(&for_writer, &mut backend, &metrics);
            })?;
        // It ends with the writer, which closes the back end.
        std::thread::Builder::new()
            .name("store-carrier".to_owned())
            .spawn(move || {
                let _guard = EndsProcess;
                carrier.run(JOURNALED_AT_MOST, |error| {
                    tracing::error!(%error, "what was stored cannot be moved from the journal to the tables yet");
                });
            })?;
        Ok(Self {
            store,
            writer: Some(writer),
            server,
        })
    }

    /// Closes the store: what was submitted is written first.
    pub(crate) fn close(mut self) {
        self.store.close();
        if let Some(writer) = self.writer.take() {
            // A lost writer ended the process itself.
            let _ = writer.join();
        }
    }
}

/// Applies what waits until the store is closed. The sessions a commit wakes are woken together.
fn write(store: &Store, backend: &mut dyn Backend, metrics: &Metrics) {
    while let Some(group) = store.wait_pending() {
        let begun = transport::now();
        let applied = group.apply(backend);
        let took = transport::now().saturating_duration_since(begun);
        metrics::committed(metrics, &applied, took);
        transport::collect_wakes(|| store.settle(applied));
    }
}

/// Without its writer the server could acknowledge nothing any more: the process ends instead.
struct EndsProcess;

impl Drop for EndsProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a thread of the store was lost; the process ends");
            std::process::abort();
        }
    }
}

/// The engine's part of the configuration.
pub(crate) fn settings(config: &Config) -> Settings {
    let hosts = config
        .hosts
        .iter()
        .map(|(domain, host)| {
            let mut facts = HostFacts::new(domain.clone());
            facts.authentication = if host.has_accounts() {
                Authentication::Accounts
            } else {
                Authentication::Anonymous
            };
            facts.admins.clone_from(&config.general.admins);
            facts.scram_hashes.clone_from(&config.scram.hashes);
            facts.scram_iterations = config.scram.iterations;
            HostSettings {
                facts,
                modules: host.features.clone(),
            }
        })
        .collect();
    Settings {
        hosts,
        limits: config.limits.clone(),
        ..Settings::default()
    }
}

/// The client listeners' part of the configuration.
pub(crate) fn client_settings(config: &Config) -> ClientSettings {
    let c2s = &config.c2s;
    let element_bytes_max = usize::try_from(c2s.stanza_bytes_max.0).unwrap_or(usize::MAX);
    let mut stream = C2sSettings {
        unauthenticated_timeout: c2s.unauthenticated_timeout.0,
        idle_timeout: c2s.idle_timeout.0,
        close_grace: c2s.close_timeout.0,
        failures_max: c2s.sign_in_failures_max,
        ..C2sSettings::default()
    };
    stream.limits.element_bytes_max = element_bytes_max;
    let unauthenticated = &mut stream.limits_unauthenticated.element_bytes_max;
    *unauthenticated = element_bytes_max.min(*unauthenticated);
    ClientSettings {
        stream: Arc::new(stream),
        requires_tls: c2s.require_tls,
        can_start_tls: true,
        conflict: match c2s.resource_conflict {
            ResourceConflict::KickOld => ConflictPolicy::KickOld,
            ResourceConflict::KickNew => ConflictPolicy::KickNew,
            ResourceConflict::Random => ConflictPolicy::Random,
            ResourceConflict::Increment => ConflictPolicy::Increment,
        },
        sm: SmSettings {
            hold: config.sm.hold.0,
            location: config.sm.location.clone().map(|location| location.0),
        },
    }
}
