//! The page of metrics: what every part of the server says of itself, and what only the binary knows, such as the size
//! of the store and when certificates expire.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use engine::{
    Server,
    metrics::{CONTENT_TYPE, Counter, Exposition, Histogram, Kind, Metrics},
};
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};
use store::Applied;
use transport::{Bound, Loads, Page, PageServer, certificate::Certificates, serve_page};

/// Where the page is.
const PATH: &str = "/metrics";

/// One batch in a commit is what an idle server has; a busy one shares a commit between many.
static COMMIT_BATCHES: Histogram = Histogram::of_counts(
    "store_commit_batches",
    "How many batches (of a stanza each) one commit of the store took together",
    &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500],
);

static COMMIT_SECONDS: Histogram = Histogram::of_seconds(
    "store_commit_seconds",
    "How long one commit of the store took; nothing that rests on it is told before",
    &[
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
    ],
);

static BATCHES_FAILED: Counter = Counter::new(
    "store_batches_failed",
    "Batches that the store refused; what they held was answered with an error",
);

/// A commit has ended.
pub(crate) fn committed(metrics: &Metrics, applied: &Applied, took: Duration) {
    let outcomes = applied.outcomes();
    metrics.observe(&COMMIT_BATCHES, outcomes.len() as u64);
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    metrics.observe(&COMMIT_SECONDS, nanos);
    for _ in outcomes.iter().filter(|outcome| outcome.is_err()) {
        metrics.count(&BATCHES_FAILED);
    }
}

/// Everything the page is made of.
pub(crate) struct Sources {
    pub(crate) server: Arc<Server>,
    pub(crate) loads: Loads,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) data: PathBuf,
}

/// Serves the page on every one of `bound`.
pub(crate) fn serve(bound: Vec<Bound>, sources: Sources) -> Vec<PageServer> {
    let page = Arc::new(Page {
        path: PATH,
        content_type: CONTENT_TYPE,
        make: Box::new(move || sources.text()),
    });
    bound
        .into_iter()
        .map(|listener| serve_page(listener, Arc::clone(&page)))
        .collect()
}

impl Sources {
    fn text(&self) -> String {
        let mut out = Exposition::default();
        out.family("build", Kind::Info, "", "Which version runs")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        out.family(
            "uptime_seconds",
            Kind::Gauge,
            "seconds",
            "How long the server has run",
        )
        .sample(&[], self.server.uptime().as_secs_f64());
        self.server.write_metrics(&mut out);
        self.loads.write_metrics(&mut out);
        self.write_store(&mut out);
        self.write_certificates(&mut out);
        write_process(&mut out);
        out.finish()
    }

    fn write_store(&self, out: &mut Exposition) {
        let metrics = self.server.metrics();
        metrics.write_histogram(&COMMIT_BATCHES, out);
        metrics.write_histogram(&COMMIT_SECONDS, out);
        metrics.write_counter(&BATCHES_FAILED, out);
        let store = self.data.join(store_sqlite::FILE);
        let log = self.data.join(format!("{}-wal", store_sqlite::FILE));
        let journal = store_sqlite::JOURNAL_FILES.map(|name| size_bytes(&self.data.join(name)));
        out.family("store_bytes", Kind::Gauge, "bytes", "How large the store's files are: the database, and what was written and is not in it yet")
            .sample(&[("file", "database")], size_bytes(&store))
            .sample(&[("file", "log")], size_bytes(&log))
            .sample(&[("file", "journal")], journal.into_iter().sum::<u64>());
        if let Ok(disk) = statvfs(&self.data) {
            out.family(
                "store_free_bytes",
                Kind::Gauge,
                "bytes",
                "How much more the disk with the data folder takes",
            )
            .sample(&[], disk.f_bavail.saturating_mul(disk.f_frsize));
        }
    }

    fn write_certificates(&self, out: &mut Exposition) {
        let set = self.certificates.current();
        let mut family = out.family(
            "certificate_expiry_timestamp_seconds",
            Kind::Gauge,
            "seconds",
            "When the certificate of a host expires, in seconds since 1970",
        );
        for host in self.server.hosts() {
            let domain = host.domain();
            if let Some(identity) = set.find(&domain.to_ascii()) {
                family.sample(&[("host", domain.as_str())], identity.leaf.not_after);
            }
        }
    }
}

/// 0 for a file that is not there.
fn size_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// The metrics that every program tells alike, as far as the system says them in `/proc`.
fn write_process(out: &mut Exposition) {
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        out.family("process_open_fds", Kind::Gauge, "", "Open file descriptors")
            .sample(&[], open.count());
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        out.family(
            "process_max_fds",
            Kind::Gauge,
            "",
            "How many file descriptors may be open",
        )
        .sample(&[], most);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(resident) = kilobytes(&status, "VmRSS:") {
        out.family(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "bytes",
            "Memory that is resident",
        )
        .sample(&[], resident * 1024);
    }
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some(ticks) = cpu_ticks(&stat) {
        let per_second = rustix::param::clock_ticks_per_second();
        out.family(
            "process_cpu_seconds",
            Kind::Counter,
            "seconds",
            "Processor time used",
        )
        .sample(&[], ticks as f64 / per_second as f64);
    }
}

/// The number behind `key` in `/proc/self/status`.
fn kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// User and system time in `/proc/self/stat`: the 14th and 15th word. The second may hold spaces, in parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace().skip(11);
    let user: u64 = words.next()?.parse().ok()?;
    let system: u64 = words.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_process_is_read() {
        assert_eq!(
            kilobytes("Name:\tx\nVmRSS:\t   7200 kB\n", "VmRSS:"),
            Some(7200)
        );
        assert_eq!(kilobytes("Name:\tx\n", "VmRSS:"), None);
        let stat = "12 (a (b) c) S 1 2 3 0 -1 4194304 5 6 7 8 250 50 1 1 20 0 9";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("12"), None);
    }
}
