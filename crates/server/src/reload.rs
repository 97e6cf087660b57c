//! What changes while the server runs: configuration, certificates, how much is logged.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use engine::command::Control;
use jid::Domain;
use tokio::runtime::Handle;
use transport::{
    Admission, Clients,
    certificate::{Certificates, Watch},
};

use crate::{
    assembly, certificates,
    config::{Config, needs_restart},
    expiry::{self, Notices},
    features::Known,
    logging::Log,
    restart::Restart,
    service_manager::ServiceManager,
};

/// What is served, for the service manager.
pub(crate) fn serves(config: &Config) -> String {
    let mut hosts = config.hosts.keys();
    match (hosts.next(), hosts.len()) {
        (Some(host), 0) => format!("Serving {host}"),
        (Some(host), more) => format!("Serving {host} and {more} more"),
        (None, _) => "Serving nobody".to_owned(),
    }
}

/// What a reload changes.
pub(crate) struct Reloader {
    pub(crate) server: Arc<engine::Server>,
    pub(crate) clients: Clients,
    pub(crate) admission: Arc<Admission>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) log: Log,
    pub(crate) workers: Vec<Handle>,
    pub(crate) manager: Arc<ServiceManager>,
    pub(crate) restart: Arc<Restart>,
    /// What the server was started with.
    pub(crate) started: Config,
    pub(crate) state: Mutex<Current>,
}

pub(crate) struct Current {
    pub(crate) config: Config,
    pub(crate) watch: Option<Watch>,
    pub(crate) notices: Notices,
}

impl Reloader {
    /// Takes certificates that changed since the last look, and speaks of those that expire soon. On an error the
    /// old ones stay.
    pub(crate) fn look_at_certificates(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Current {
            config,
            watch,
            notices,
        } = &mut *state;
        if watch.as_mut().is_some_and(Watch::changed) {
            self.take_certificates(config);
        }
        let now = self.server.environment().timestamp().as_micros() / 1_000_000;
        let hosts: Vec<String> = config.hosts.keys().map(Domain::to_ascii).collect();
        let expiring = expiry::expiring(&self.certificates.current(), &hosts, now);
        notices.due(expiring, now).iter().for_each(expiry::warn);
    }

    fn take_certificates(&self, config: &Config) {
        let before = self.certificates.current();
        match certificates::load_again(config, &config.general.data, &before) {
            Ok(set) => {
                self.certificates.replace(set);
                tracing::info!("certificates were read anew");
            }
            Err(error) => tracing::error!(
                "the changed certificates cannot be used; the old ones stay: {error:#}"
            ),
        }
    }
}

impl Reloader {
    /// Everything is read and checked before anything changes.
    fn read_anew(&self) -> Result<(), String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let config = Config::load(state.config.file.as_deref(), &Known)
            .map_err(|error| error.to_string())?;
        if config.general.data != state.config.general.data {
            return Err("`data` cannot change while the server runs; restart it".to_owned());
        }
        let before = self.certificates.current();
        let set = certificates::load_again(&config, &config.general.data, &before)
            .map_err(|error| format!("{error:#}"))?;
        self.server
            .reload(&assembly::settings(&config))
            .map_err(|error| error.to_string())?;
        self.certificates.replace(set);
        self.clients
            .set_settings(assembly::client_settings(&config));
        self.admission.set_limits(self.server.limits());
        let watch = config
            .certificate_folder()
            .map(|folder| Watch::new(&folder));
        self.log.reset(&config);
        state.config = config;
        state.watch = watch;
        Ok(())
    }
}

impl Control for Reloader {
    fn reload(&self) -> Result<(), String> {
        self.manager.reloading();
        let result = self.read_anew();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let serves = serves(&state.config);
        match &result {
            Ok(()) => self.manager.ready(&serves),
            Err(_) => self
                .manager
                .ready(&format!("{serves}; the last reload failed, see the log")),
        }
        result
    }

    fn restart(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(self.restart.want())
    }

    fn needs_restart(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        needs_restart(&self.started, &state.config)
    }

    fn set_log(&self, level: &str, module: Option<&str>) -> Result<String, String> {
        self.log.set(level, module)
    }

    fn ask_workers(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async {
            let asked: Vec<_> = self
                .workers
                .iter()
                .map(|worker| worker.spawn(async {}))
                .collect();
            let mut answered = 0;
            for answer in asked {
                answered += usize::from(answer.await.is_ok());
            }
            answered
        })
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }
}
