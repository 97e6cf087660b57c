//! What features do from time to time: retention, expiry, reports.
//!
//! One loop serves all jobs of all hosts, one after another, so that they never add up to a storm. It
//! looks the job up anew each time: after a reload the feature's newest configuration is in force.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use super::Module;
use crate::{faults::Caught, host::Host, server::Server};

/// A feature with work of its own.
pub trait Job: Module {
    /// Does what is due. May wait; others' jobs wait for it.
    fn run(&self, host: &Arc<Host>, server: &Arc<Server>) -> impl Future<Output = ()> + Send;
}

type RunFn =
    Box<dyn Fn(Arc<Host>, Arc<Server>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A declared job.
pub(crate) struct JobEntry {
    pub(crate) name: &'static str,
    pub(crate) every: Duration,
    pub(crate) run: RunFn,
}

/// Which job: a host's domain and the feature's name.
type Which = (String, &'static str);

/// When each job is due next; kept over reloads.
#[derive(Default)]
pub(crate) struct Jobs {
    due: BTreeMap<Which, Instant>,
    /// Counts reloads: a loop of an earlier configuration ends.
    generation: u64,
}

/// A job is done first this long after the start, so that a server which is often restarted does it too.
const FIRST_AFTER: Duration = Duration::from_secs(60);

impl Server {
    /// Starts the loop over all jobs; one that runs already ends when it next wakes.
    pub(crate) fn start_jobs(self: &Arc<Self>) {
        let generation = {
            let mut jobs = self.jobs();
            jobs.generation += 1;
            jobs.generation
        };
        let Some(first) = self.plan_jobs() else {
            return;
        };
        let server = Arc::downgrade(self);
        let mut next = self.environment().sleep_until(first);
        self.environment().spawn(Box::pin(async move {
            loop {
                next.await;
                // Only a weak reference sleeps, so that the server can go.
                let Some(server) = server.upgrade() else {
                    return;
                };
                if server.jobs().generation != generation {
                    return;
                }
                server.do_due_jobs().await;
                let Some(at) = server.plan_jobs() else { return };
                next = server.environment().sleep_until(at);
            }
        }));
    }

    /// Lists the jobs of the configuration in force; gives the moment the next is due.
    fn plan_jobs(&self) -> Option<Instant> {
        let now = self.environment().now();
        let hosts = self.hosts();
        let mut jobs = self.jobs();
        let before = std::mem::take(&mut jobs.due);
        for (host, job) in hosts.iter().flat_map(|host| {
            let jobs = host.jobs().iter();
            jobs.map(move |job| (host, job))
        }) {
            let which = (host.domain().to_string(), job.name);
            let at = before.get(&which).copied();
            jobs.due.insert(
                which,
                at.unwrap_or_else(|| now + job.every.min(FIRST_AFTER)),
            );
        }
        jobs.due.values().min().copied()
    }

    async fn do_due_jobs(self: &Arc<Self>) {
        let now = self.environment().now();
        let due: Vec<Which> = {
            let jobs = self.jobs();
            let due = jobs.due.iter().filter(|(_, at)| **at <= now);
            due.map(|(which, _)| which.clone()).collect()
        };
        for which in due {
            let Some(host) = self.host(&which.0) else {
                continue;
            };
            let Some(job) = host.jobs().iter().find(|job| job.name == which.1) else {
                continue;
            };
            let running = (job.run)(host.clone(), self.clone());
            if Caught::new(running).await.is_err() {
                tracing::error!(host = %which.0, job = which.1, "a panic in a job; it is tried again when it is due again");
            }
            let next = self.environment().now() + job.every;
            self.jobs().due.insert(which, next);
        }
    }
}
