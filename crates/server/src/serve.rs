//! The life of a serving process: start all or nothing, reload, stop or restart.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use engine::command::Control;
use transport::{
    Admission, Bound, Clients, Inherited, PageServer, SystemEnvironment, Transport,
    certificate::{Certificates, Watch},
    tls::{ClientAuthorities, TlsAcceptor, TlsSettings},
};

use crate::{
    admin::{self, AdminSocket},
    assembly::{self, Assembly},
    certificates,
    config::Config,
    data_folder::{DataError, DataFolder},
    expiry::Notices,
    failure::{Exit, Failure},
    first_start,
    listeners::Listeners,
    logging::{self, Log},
    metrics::{self, Sources},
    reload::{Current, Reloader, serves},
    restart::Restart,
    service_manager::ServiceManager,
    signals::{Order, Signals},
};

/// How long sessions may take to end when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How often the certificate folder is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(10);
/// How often a restarted server tries to get its data folder back: ten seconds in all.
const DATA_ATTEMPTS: u32 = 200;
/// How long it waits in between.
const BETWEEN_DATA_ATTEMPTS: Duration = Duration::from_millis(50);

/// Serves until a signal says stop. A restart does not return: the process is another program then.
///
/// # Errors
///
/// A [`Failure`] when it cannot start; then nothing of it is left running.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let log = logging::start(&config);
    let restart = Arc::new(Restart::remember(config.file.clone()));
    let inherited = Inherited::take();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    let goes_on_with = runtime.block_on(async {
        let mut signals = Signals::new().map_err(Failure::start)?;
        let manager = Arc::new(ServiceManager::find());
        let restart = Arc::clone(&restart);
        let serving = Serving::start(config, log, manager, inherited, restart).await?;
        match serving.until_ended(&mut signals).await {
            End::Stop => {
                serving.control.manager.stopping();
                serving.stop(&mut signals).await;
                Ok(None)
            }
            End::Restart => {
                serving.control.manager.restarting();
                Ok(serving.stop(&mut signals).await)
            }
        }
    })?;
    drop(runtime);
    match goes_on_with {
        None => Ok(()),
        Some(listeners) => Err(restart.replace(&listeners)),
    }
}

/// Why a server no longer serves.
enum End {
    Stop,
    Restart,
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
    /// All that is listened on, for the program that replaces this one.
    kept_open: Vec<Bound>,
}

impl Serving {
    async fn start(
        config: Config,
        log: Log,
        manager: Arc<ServiceManager>,
        inherited: Inherited,
        restart: Arc<Restart>,
    ) -> Result<Self, Failure> {
        manager.status("Opening the store");
        let data = open_data(&config, !inherited.is_empty()).await?;
        let listeners = Listeners::bind(&config, inherited)?;
        let kept_open = listeners.share().map_err(Failure::start)?;
        let set = certificates::load(&config, Some(data.path()))
            .map_err(|error| Failure::start(format!("{error:#}")))?;
        let certificates = Certificates::new(set);
        let tls = TlsSettings {
            authorities: authorities(&config)?,
            takes_early_data: config.tls.early_data,
        };
        let tls = TlsAcceptor::new(Arc::clone(&certificates), tls).map_err(Failure::start)?;
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
            restart,
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
        listeners.announce(&config, transport.workers());
        let sources = Sources {
            server: Arc::clone(&assembly.server),
            loads: transport.loads(),
            certificates: Arc::clone(&control.certificates),
            data: data.path().to_owned(),
        };
        let metrics = metrics::serve(listeners.metrics, sources);
        for (listener, kind) in listeners.clients {
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
            kept_open,
        })
    }

    async fn until_ended(&self, signals: &mut Signals) -> End {
        let mut watch = tokio::time::interval(WATCH_INTERVAL);
        loop {
            tokio::select! {
                order = signals.next() => match order {
                    Order::Stop => return End::Stop,
                    Order::Reload => {
                        self.reload();
                        self.control.look_at_certificates();
                    }
                },
                () = self.control.restart.wanted() => return End::Restart,
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
    /// store, always. Gives what is listened on, to go on with after a restart, unless a signal came meanwhile: that
    /// one says stop.
    async fn stop(mut self, signals: &mut Signals) -> Option<Vec<Bound>> {
        self.admin.finish().await;
        drop(self.metrics);
        tracing::info!("stopping; a second signal skips waiting for sessions to end");
        let is_undisturbed = tokio::select! {
            left = self.transport.stop(STOP_PATIENCE) => {
                if left > 0 {
                    tracing::warn!(left, "connections did not end in time");
                }
                true
            }
            () = signals.stop() => {
                tracing::warn!("no longer waiting for sessions to end");
                false
            }
        };
        drop(self.transport);
        self.assembly.server.write_what_is_owed();
        self.assembly.close();
        tracing::info!("stopped");
        is_undisturbed.then_some(self.kept_open)
    }
}

/// The data folder. The program that a restart replaces left it a moment ago, and a command may have taken it since:
/// it gives it back.
async fn open_data(config: &Config, is_restart: bool) -> Result<DataFolder, Failure> {
    let mut attempts = if is_restart { DATA_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        match DataFolder::open(&config.general.data) {
            Err(DataError::InUse { .. }) if attempts > 0 => {
                tokio::time::sleep(BETWEEN_DATA_ATTEMPTS).await;
            }
            result => return result.map_err(Failure::start),
        }
    }
}
