//! The life of a serving process: start all or nothing, reload, stop.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex},
    time::Duration,
};

use engine::command::Control;
use tokio::signal::unix::{Signal, SignalKind, signal};
use transport::{
    Admission, Bound, Clients, Endpoint, ListenerKind, PageServer, SystemEnvironment, Transport,
    certificate::{Certificates, Watch},
    tls::{ClientAuthorities, TlsAcceptor},
};

use crate::{
    admin::{self, AdminSocket},
    assembly::{self, Assembly},
    certificates,
    config::Config,
    data_folder::DataFolder,
    expiry::Notices,
    failure::{Exit, Failure},
    first_start,
    logging::{self, Log},
    metrics::{self, Sources},
    reload::{Current, Reloader, serves},
    service_manager::ServiceManager,
};

/// How long sessions may take to end when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How often the certificate folder is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(10);

/// Serves until a signal says stop.
///
/// # Errors
///
/// A [`Failure`] when it cannot start; then nothing of it is left running.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let log = logging::start(&config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(Failure::start)?;
        let manager = Arc::new(ServiceManager::find());
        let serving = Serving::start(config, log, manager).await?;
        serving.until_stopped(&mut signals).await;
        serving.stop(&mut signals).await;
        Ok(())
    })
}

/// Looks for what would keep a server with this configuration from starting, and touches nothing.
///
/// # Errors
///
/// A [`Failure`] with the first mistake.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    certificates::load(config, None).map_err(wrong)?;
    authorities(config)?;
    Ok(())
}

fn wrong(error: anyhow::Error) -> Failure {
    Failure::new(Exit::Config, format!("{error:#}"))
}

fn authorities(config: &Config) -> Result<Option<ClientAuthorities>, Failure> {
    let path = config.tls.client_authorities.as_deref();
    path.map(ClientAuthorities::read)
        .transpose()
        .map_err(|error| Failure::new(Exit::Config, error))
}

/// Everything that runs. Fields are dropped in this order: first nobody new, then the rest.
struct Serving {
    control: Arc<Reloader>,
    admin: AdminSocket,
    metrics: Vec<PageServer>,
    transport: Transport,
    assembly: Assembly,
    _data: DataFolder,
}

impl Serving {
    async fn start(
        config: Config,
        log: Log,
        manager: Arc<ServiceManager>,
    ) -> Result<Self, Failure> {
        manager.status("Opening the store");
        let data = DataFolder::open(&config.general.data).map_err(Failure::start)?;
        let Listeners {
            clients: bound,
            metrics: for_metrics,
        } = bind_all(&config)?;
        let set = certificates::load(&config, Some(data.path()))
            .map_err(|error| Failure::start(format!("{error:#}")))?;
        let certificates = Certificates::new(set);
        let tls = TlsAcceptor::new(Arc::clone(&certificates), authorities(&config)?)
            .map_err(Failure::start)?;
        let environment = SystemEnvironment::new();
        let assembly = Assembly::open(&config, &data, environment.clone())
            .map_err(|error| Failure::start(format!("{error:#}")))?;
        first_start::make_admin(&assembly.server, data.path())
            .await
            .map_err(|error| Failure::start(format!("{error:#}")))?;

        let clients = Clients::new(
            Arc::clone(&assembly.server),
            assembly::client_settings(&config),
        );
        let admission = Admission::new(assembly.server.limits());
        let settings = transport::Settings {
            workers: config.general.workers.0,
            tls,
            admission: Arc::clone(&admission),
        };
        let mut transport = Transport::start(settings, clients.clone()).map_err(Failure::start)?;
        environment.use_workers(&transport);
        let watch = config
            .certificate_folder()
            .map(|folder| Watch::new(&folder));
        let control = Arc::new(Reloader {
            server: Arc::clone(&assembly.server),
            clients,
            admission,
            certificates,
            log,
            workers: transport.runtimes(),
            started: config.clone(),
            manager: Arc::clone(&manager),
            state: Mutex::new(Current {
                config: config.clone(),
                watch,
                notices: Notices::default(),
            }),
        });
        let process: Arc<dyn Control> = control.clone();
        assembly.server.serve_in(&process);
        let server = Arc::clone(&assembly.server);
        let admin = admin::listen(data.path(), server, control.clone()).map_err(|error| {
            let path = data.path().display();
            Failure::start(format!("cannot make the admin socket in {path}: {error}; a data folder with a short path helps"))
        })?;
        announce(&config, &bound, transport.workers());
        let sources = Sources {
            server: Arc::clone(&assembly.server),
            loads: transport.loads(),
            certificates: Arc::clone(&control.certificates),
            data: data.path().to_owned(),
        };
        let metrics = metrics::serve(for_metrics, sources);
        for (listener, kind) in bound {
            transport.accept_from(listener, kind);
        }
        tokio::spawn(manager.clone().say_alive(transport.runtimes()));
        manager.ready(&serves(&config));
        Ok(Self {
            control,
            admin,
            metrics,
            transport,
            assembly,
            _data: data,
        })
    }

    async fn until_stopped(&self, signals: &mut Signals) {
        let mut watch = tokio::time::interval(WATCH_INTERVAL);
        loop {
            tokio::select! {
                order = signals.next() => match order {
                    Order::Stop => return,
                    Order::Reload => {
                        self.reload();
                        self.control.look_at_certificates();
                    }
                },
                _ = watch.tick() => self.control.look_at_certificates(),
            }
        }
    }

    fn reload(&self) {
        match self.control.reload() {
            Ok(()) => {
                tracing::info!("configuration and certificates were read anew");
                let keys = self.control.needs_restart().join(", ");
                if !keys.is_empty() {
                    tracing::warn!(%keys, "changed, but in force only after a restart");
                }
            }
            Err(error) => tracing::error!(%error, "reload failed; everything stays as it was"),
        }
    }

    /// Ends sessions in good order, unless a second signal says that it is enough; then closes the
    /// store, always.
    async fn stop(mut self, signals: &mut Signals) {
        self.control.manager.stopping();
        drop((self.admin, self.metrics));
        tracing::info!("stopping; a second signal skips waiting for sessions to end");
        tokio::select! {
            left = self.transport.stop(STOP_PATIENCE) => {
                if left > 0 {
                    tracing::warn!(left, "connections did not end in time");
                }
            }
            () = signals.stop() => tracing::warn!("no longer waiting for sessions to end"),
        }
        drop(self.transport);
        self.assembly.server.write_what_is_owed();
        self.assembly.close();
        tracing::info!("stopped");
    }
}

/// Bound, and not accepted from yet.
struct Listeners {
    clients: Vec<(Bound, ListenerKind)>,
    metrics: Vec<Bound>,
}

/// Binds every listener, or none.
fn bind_all(config: &Config) -> Result<Listeners, Failure> {
    let mut bound = Vec::new();
    for (key, endpoints, kind) in [
        ("c2s", &config.listen.c2s, ListenerKind::C2s),
        ("c2s_tls", &config.listen.c2s_tls, ListenerKind::C2sTls),
    ] {
        for endpoint in endpoints {
            let listeners = bind(*endpoint, key)?;
            bound.extend(listeners.into_iter().map(|listener| (listener, kind)));
        }
    }
    if bound.is_empty() {
        return Err(Failure::new(
            Exit::Config,
            "there is nothing to listen on; give listen.c2s or listen.c2s_tls an address",
        ));
    }
    let mut metrics = Vec::new();
    for endpoint in &config.listen.metrics {
        metrics.extend(bind(*endpoint, "metrics")?);
    }
    Ok(Listeners {
        clients: bound,
        metrics,
    })
}

fn bind(endpoint: Endpoint, key: &str) -> Result<Vec<Bound>, Failure> {
    transport::bind(endpoint).map_err(|error| Failure::start(format!("{error} (listen.{key})")))
}

/// Says where to connect: to the log, and on a terminal also what to do next.
fn announce(config: &Config, bound: &[(Bound, ListenerKind)], workers: usize) {
    let addresses = |wanted| {
        let addresses: Vec<String> = bound
            .iter()
            .filter(|(_, kind)| *kind == wanted)
            .filter_map(|(listener, _)| listener.local_addr().ok())
            .map(|address| address.to_string())
            .collect();
        addresses.join(", ")
    };
    let hosts: Vec<String> = config.hosts.keys().map(ToString::to_string).collect();
    let hosts = hosts.join(", ");
    let (starttls, direct) = (
        addresses(ListenerKind::C2s),
        addresses(ListenerKind::C2sTls),
    );
    if !config.c2s.require_tls {
        tracing::warn!("c2s.require_tls is off: passwords and messages may travel in plain text");
    }
    if std::io::stdout().is_terminal() {
        println!("  Couplet serves {hosts}.");
        println!("  Clients connect to {starttls} (STARTTLS) or {direct} (TLS).");
        println!("  Next, in another terminal: couplet user add NAME@HOST");
        println!("  Ctrl-C stops.\n");
    }
    tracing::info!(%hosts, c2s = %starttls, c2s_tls = %direct, workers, version = env!("CARGO_PKG_VERSION"), "ready");
}

/// The signals a server listens to.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Completes with the next order.
    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.terminate.recv() => Order::Stop,
            _ = self.hangup.recv() => Order::Reload,
        }
    }

    /// Completes with the next order to stop.
    async fn stop(&mut self) {
        while self.next().await != Order::Stop {}
    }
}

/// What an operator orders by a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGHUP.
    Reload,
}
