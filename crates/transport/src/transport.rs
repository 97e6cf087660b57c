//! Start, listen, stop: the whole of the network side as one value.

use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use thiserror::Error;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    admission::Admission,
    connection::Arrival,
    drive::{ListenerKind, MakeConnection, Peer},
    listen::{self, Bound},
    load::{Accepted, Loads},
    tls::TlsAcceptor,
    worker::Worker,
};

/// What the network side needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many workers; none for one per core this process may use.
    pub workers: Option<NonZeroUsize>,
    /// TLS for listeners and STARTTLS.
    pub tls: Arc<TlsAcceptor>,
    /// Who may connect.
    pub admission: Arc<Admission>,
}

/// The workers could not be started.
#[derive(Debug, Error)]
#[error("cannot start a worker thread: {0}")]
pub struct StartError(#[from] io::Error);

/// The workers and the listeners that feed them.
#[derive(Debug)]
pub struct Transport {
    workers: Arc<[Worker]>,
    admission: Arc<Admission>,
    next_id: Arc<AtomicU64>,
    accepted: Arc<Accepted>,
    acceptors: Vec<JoinHandle<()>>,
}

impl Transport {
    /// Starts the workers. Connections are made by `maker`.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the system gives no thread or no event queue.
    pub fn start<M: MakeConnection>(settings: Settings, maker: M) -> Result<Self, StartError> {
        let count = settings
            .workers
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get);
        let maker = Arc::new(maker);
        let workers = (0..count)
            .map(|number| Worker::start(number, Arc::clone(&maker), Arc::clone(&settings.tls)))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            workers: workers.into(),
            admission: settings.admission,
            next_id: Arc::new(AtomicU64::new(1)),
            accepted: Arc::default(),
            acceptors: Vec::new(),
        })
    }

    /// How many workers run.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// What the workers and listeners do, for metrics.
    pub fn loads(&self) -> Loads {
        Loads {
            workers: Arc::clone(&self.workers),
            accepted: Arc::clone(&self.accepted),
        }
    }

    /// The workers' runtimes, for tasks and CPU-heavy jobs that belong to no connection. Each
    /// has one thread for `spawn_blocking`.
    pub fn runtimes(&self) -> Vec<Handle> {
        self.workers
            .iter()
            .map(|worker| worker.runtime().clone())
            .collect()
    }

    /// Takes connections from `bound` from now on. The accepting itself runs on the runtime this
    /// is called in.
    pub fn accept_from(&mut self, bound: Bound, kind: ListenerKind) {
        let workers = Arc::clone(&self.workers);
        let admission = Arc::clone(&self.admission);
        let next_id = Arc::clone(&self.next_id);
        let accepted = Arc::clone(&self.accepted);
        self.acceptors.push(tokio::spawn(async move {
            let result = listen::accept(bound.into_listener(), move |socket, address| {
                let permit = match admission.admit(address.ip()) {
                    Ok(permit) => permit,
                    Err(refused) => {
                        accepted.refused.fetch_add(1, Ordering::Relaxed);
                        tracing::info!(%refused, "connection refused");
                        return;
                    }
                };
                accepted.taken.fetch_add(1, Ordering::Relaxed);
                let id = next_id.fetch_add(1, Ordering::Relaxed);
                let peer = Peer { id, address, kind };
                if let Some(worker) = workers.iter().min_by_key(|worker| worker.connections()) {
                    worker.take(Arrival {
                        socket,
                        peer,
                        permit,
                    });
                }
            })
            .await;
            if let Err(error) = result {
                tracing::error!(%error, "a listener failed; it takes no more connections");
            }
        }));
    }

    /// Closes the listeners; connections stay.
    pub fn stop_listening(&mut self) {
        for acceptor in self.acceptors.drain(..) {
            acceptor.abort();
        }
    }

    /// Closes the listeners, tells every connection to stop and waits until all have ended, at
    /// most for `patience`. Returns how many were left. The workers go on running, for tasks
    /// that must still end; dropping the transport ends them.
    pub async fn stop(&mut self, patience: Duration) -> usize {
        self.stop_listening();
        for worker in &*self.workers {
            worker.stop_connections();
        }
        let drained = async {
            for worker in &*self.workers {
                worker.drained().await;
            }
        };
        // What is left is counted below.
        let _ = tokio::time::timeout(patience, drained).await;
        self.workers.iter().map(Worker::connections).sum()
    }
}

impl Drop for Transport {
    /// Ends the workers and waits for their threads.
    fn drop(&mut self) {
        self.stop_listening();
        for worker in &*self.workers {
            worker.end();
        }
    }
}
