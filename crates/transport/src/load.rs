//! What each worker counts of its own work, told as metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use engine::metrics::{Exposition, Kind};

use crate::{tls::TlsVersion, worker::Worker};

/// How the TLS handshakes of a worker's connections ended. Written by its thread only.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Load {
    tls_1_2: AtomicU64,
    tls_1_3: AtomicU64,
    tls_failed: AtomicU64,
    early_data: AtomicU64,
}

impl Load {
    /// A handshake succeeded.
    pub(crate) fn established(&self, version: TlsVersion) {
        let count = match version {
            TlsVersion::V1_2 => &self.tls_1_2,
            TlsVersion::V1_3 => &self.tls_1_3,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Data was taken before the handshake was over.
    pub(crate) fn early_data_taken(&self) {
        self.early_data.fetch_add(1, Ordering::Relaxed);
    }

    /// A handshake failed, took too long, or was given up.
    pub(crate) fn handshake_failed(&self) {
        self.tls_failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// How connections were taken, by all listeners.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    pub(crate) taken: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// What the workers and the listeners do, seen from anywhere.
#[derive(Clone, Debug)]
pub struct Loads {
    pub(crate) workers: Arc<[Worker]>,
    pub(crate) accepted: Arc<Accepted>,
}

impl Loads {
    /// Writes what the workers and the listeners have done and have to do.
    pub fn write_metrics(&self, out: &mut Exposition) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        out.family(
            "connections_accepted",
            Kind::Counter,
            "",
            "Connections that clients made, by whether limits let them in",
        )
        .sample(&[("result", "taken")], read(&self.accepted.taken))
        .sample(&[("result", "refused")], read(&self.accepted.refused));
        let total = |which: fn(&Load) -> &AtomicU64| -> u64 {
            let loads = self.workers.iter().map(Worker::load);
            loads.map(|load| read(which(load))).sum()
        };
        out.family(
            "tls_handshakes",
            Kind::Counter,
            "",
            "TLS handshakes, by the version they ended with or that they failed",
        )
        .sample(&[("result", "1.2")], total(|load| &load.tls_1_2))
        .sample(&[("result", "1.3")], total(|load| &load.tls_1_3))
        .sample(&[("result", "failed")], total(|load| &load.tls_failed));
        out.family(
            "tls_early_data",
            Kind::Counter,
            "",
            "Connections whose clients sent data that was taken before their TLS handshake was over",
        )
        .sample(&[], total(|load| &load.early_data));
        let numbers: Vec<String> = (0..self.workers.len()).map(|n| n.to_string()).collect();
        let workers = || numbers.iter().zip(self.workers.iter());
        let mut family = out.family(
            "worker_connections",
            Kind::Gauge,
            "",
            "Connections, by the worker that drives them",
        );
        for (number, worker) in workers() {
            family.sample(&[("worker", number)], worker.connections());
        }
        let mut family = out.family(
            "worker_tasks",
            Kind::Gauge,
            "",
            "Tasks that are alive, by worker: its connections, and what stanzas set going",
        );
        for (number, worker) in workers() {
            let tasks = worker.runtime().metrics().num_alive_tasks();
            family.sample(&[("worker", number)], tasks);
        }
        let mut family = out.family(
            "worker_busy_seconds",
            Kind::Counter,
            "seconds",
            "How long each worker has worked; the rest of the time it waited",
        );
        for (number, worker) in workers() {
            let busy = worker.runtime().metrics().worker_total_busy_duration(0);
            family.sample(&[("worker", number)], busy.as_secs_f64());
        }
    }
}
