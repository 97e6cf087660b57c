//! Which machine this is, and which versions are compared.

use std::{fs, process::Command};

use crate::{results::Place, servers::Server};

/// Looks around.
pub(super) fn look(servers: &[Server]) -> Place {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = line_of("/proc/cpuinfo", "model name").unwrap_or_default();
    let system = line_of("/etc/os-release", "PRETTY_NAME").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let versions = servers.iter().map(|server| {
        let kind = server.kind();
        (kind.name().to_owned(), kind.version())
    });
    Place {
        date: date(),
        machine: format!("{cores} cores of {processor}"),
        system: format!("{system}, Linux {}", kernel.trim()),
        servers: versions.collect(),
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
    }
}

/// The value on the first line that begins with `name`.
fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once([':', '='])?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// Today, as `date` says it: no calendar is worth a dependency.
fn date() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
