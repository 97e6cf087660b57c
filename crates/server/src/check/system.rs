//! The machine: its clock, and what it lets a process have, against what the configuration allows clients.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::process::{Resource, getrlimit};

use super::{Finding, Severity};
use crate::config::Config;

/// No clock that is right shows less: this version was made later. The first day of 2026.
const CLOCK_MIN: i64 = 1_767_225_600;

/// A clock may be off by this much without anybody noticing.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;

/// Besides clients the server has files, threads' queues and sockets of its own open.
const DESCRIPTORS_KEPT: u64 = 64;

/// What the server holds without clients, and what an idle client with TLS adds.
const MEMORY_BASE_BYTES: u64 = 64 * 1024 * 1024;
const MEMORY_PER_CLIENT_BYTES: u64 = 12 * 1024;

/// A server for fewer clients than this is of use to some; one that can't have as many should say so.
const CLIENTS_WANTED: u64 = 1_000;

/// Now, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a check is about this moment")]
pub(super) fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

/// What is found about the machine.
pub(super) fn look(config: &Config, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(about_clock(now, newest_file(&config.general.data)));
    findings.extend(about_keeping_time(Path::new("/")));
    let clients = clients_max(config);
    if let Some(most) = getrlimit(Resource::Nofile).current {
        findings.extend(about_descriptors(most, clients));
    }
    if let Some(most) = memory_max() {
        findings.extend(about_memory(most, clients, config.limits.outbox_bytes_max));
    }
    findings
}

/// How many clients the configuration lets in, of all hosts together.
fn clients_max(config: &Config) -> u64 {
    let hosts = u64::try_from(config.hosts.len()).unwrap_or(u64::MAX);
    u64::from(config.limits.streams_per_host_max).saturating_mul(hosts)
}

/// When anything in the data folder was written last, in seconds since 1970.
fn newest_file(data: &Path) -> Option<i64> {
    use std::os::unix::fs::MetadataExt;
    let files = fs::read_dir(data).ok()?;
    let times = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.mtime()));
    times.max()
}

fn about_clock(now: i64, newest: Option<i64>) -> Option<Finding> {
    let found = match newest {
        _ if now < CLOCK_MIN => "the clock of this machine is years behind".to_owned(),
        Some(newest) if newest > now + CLOCK_TOLERANCE_SECONDS => format!(
            "the clock of this machine is behind by at least {} s: a file of the server was written later than now",
            newest - now
        ),
        _ => return None,
    };
    Some(Finding::new(
        Severity::Error,
        "clock",
        found,
        "Set it: certificates and the order of messages depend on it",
    ))
}

/// Whether anything keeps the clock right, where it can be told: under systemd.
fn about_keeping_time(root: &Path) -> Option<Finding> {
    let is_there = |path: &str| root.join(path).exists();
    let signs = [
        "run/systemd/timesync/synchronized",
        "run/chrony/chronyd.pid",
        "run/chronyd.pid",
        "run/ntpd.pid",
        "run/openntpd.pid",
    ];
    (is_there("run/systemd/system") && !signs.into_iter().any(is_there)).then(|| {
        Finding::new(
            Severity::Warning,
            "clock",
            "nothing seems to keep the clock of this machine right",
            "Turn it on, for example with \"timedatectl set-ntp true\"",
        )
    })
}

fn about_descriptors(most: u64, clients: u64) -> Option<Finding> {
    let served = most.saturating_sub(DESCRIPTORS_KEPT);
    if served >= clients {
        return None;
    }
    let severity = match served < CLIENTS_WANTED {
        true => Severity::Warning,
        false => Severity::Note,
    };
    Some(Finding::new(
        severity,
        "limits",
        format!(
            "a process started like this one may have {most} files open, so about {served} clients can be connected; limits.streams_per_host_max would let in {clients}"
        ),
        "Raise it for the server (LimitNOFILE= in its unit, ulimit -n in a shell), or lower limits.streams_per_host_max to what is meant",
    ))
}

fn about_memory(most: u64, clients: u64, outbox_bytes_max: u32) -> Option<Finding> {
    let for_clients = most.saturating_sub(MEMORY_BASE_BYTES);
    let idle = for_clients / MEMORY_PER_CLIENT_BYTES;
    if u64::from(outbox_bytes_max).saturating_mul(4) > for_clients {
        return Some(Finding::new(
            Severity::Warning,
            "limits",
            format!(
                "the server may use {} MiB of memory, and a few clients that do not read may fill it with {} MiB each",
                most >> 20,
                outbox_bytes_max >> 20
            ),
            "Lower limits.outbox_bytes_max, or give the server more memory",
        ));
    }
    (idle < clients).then(|| {
        let severity = match idle < CLIENTS_WANTED {
            true => Severity::Warning,
            false => Severity::Note,
        };
        Finding::new(
            severity,
            "limits",
            format!(
                "the server may use {} MiB of memory, enough for about {idle} clients at rest; limits.streams_per_host_max would let in {clients}",
                most >> 20
            ),
            "Lower limits.streams_per_host_max to what is meant, or give the server more memory",
        )
    })
}

/// The least of what the machine has and what this process may have.
fn memory_max() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(total_of);
    let group = fs::read_to_string("/proc/self/cgroup").ok();
    let group = group
        .as_deref()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::/")))
        .and_then(|path| {
            let file = Path::new("/sys/fs/cgroup").join(path).join("memory.max");
            fs::read_to_string(file).ok()?.trim().parse().ok()
        });
    let own = getrlimit(Resource::As).current;
    [machine, group, own].into_iter().flatten().min()
}

/// `MemTotal` in `/proc/meminfo`, in bytes.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_not_behind_what_is_known_to_be_past() {
        clock(CLOCK_MIN, None, false);
        clock(CLOCK_MIN - 1, None, true);
        clock(0, None, true);
        clock(CLOCK_MIN, Some(CLOCK_MIN + 60), false);
        clock(CLOCK_MIN, Some(CLOCK_MIN + 61), true);
        clock(CLOCK_MIN, Some(0), false);
    }

    #[track_caller]
    fn clock(now: i64, newest: Option<i64>, is_wrong: bool) {
        assert_eq!(about_clock(now, newest).is_some(), is_wrong, "{now}");
    }

    #[test]
    fn somebody_keeps_the_clock_where_that_can_be_told() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(about_keeping_time(root.path()), None, "no systemd");
        fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert!(about_keeping_time(root.path()).is_some());
        fs::write(root.path().join("run/chronyd.pid"), "1").unwrap();
        assert_eq!(about_keeping_time(root.path()), None);
    }

    #[test]
    fn descriptors_are_held_against_the_clients_that_are_let_in() {
        let severity = |most, clients| about_descriptors(most, clients).map(|one| one.severity);
        assert_eq!(severity(1_064, 1_000), None);
        assert_eq!(severity(1_063, 1_000), Some(Severity::Warning));
        assert_eq!(severity(65_536, 1_000_000), Some(Severity::Note));
        assert_eq!(severity(0, 1), Some(Severity::Warning));
    }

    #[test]
    fn memory_is_held_against_the_clients_that_are_let_in() {
        let mebibytes = |count: u64| count << 20;
        let severity =
            |most, clients, outbox| about_memory(most, clients, outbox).map(|one| one.severity);
        assert_eq!(severity(mebibytes(1_024), 10_000, 2 << 20), None);
        assert_eq!(
            severity(mebibytes(1_024), 1_000_000, 2 << 20),
            Some(Severity::Note)
        );
        assert_eq!(
            severity(mebibytes(70), 10_000, 1 << 20),
            Some(Severity::Warning)
        );
        assert_eq!(
            severity(mebibytes(128), 100, 32 << 20),
            Some(Severity::Warning),
            "four that do not read would fill it"
        );
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(
            total_of("MemTotal:       16 kB\nMemFree: 1 kB\n"),
            Some(16_384)
        );
        assert_eq!(total_of(""), None);
    }
}
