//! What the kernel knows of a process: CPU time, memory, context switches, from `/proc` (Linux only).

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// Length of the tick in which `/proc/PID/stat` counts: `USER_HZ` is 100 on every architecture Linux runs servers on.
const TICK: Duration = Duration::from_millis(10);

/// A process to be watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pid: u32,
}

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time of all its threads and children, those that ended included, to 10 ms.
    ticks: Duration,
    /// The part of it in the kernel.
    system_ticks: Duration,
    /// CPU time of the threads there are, exactly.
    exact: Duration,
    /// Times that its threads gave up or lost a core.
    switches: u64,
}

/// What a process has used between two looks at it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// CPU time in its own code and in the kernel, of all its threads.
    pub(crate) cpu: Duration,
    /// The share of it in the kernel, from 0 to 1.
    pub(crate) system_share: f64,
    /// Times that its threads gave up or lost a core.
    pub(crate) switches: u64,
}

impl Process {
    /// The process with this id.
    ///
    /// # Errors
    ///
    /// When there is none, or its `/proc` folder can't be read.
    pub(crate) fn new(pid: u32) -> Result<Self> {
        let process = Self { pid };
        process.usage()?;
        Ok(process)
    }

    /// This process.
    pub(crate) fn own() -> Self {
        Self {
            pid: std::process::id(),
        }
    }

    /// What it and its children have used up to now.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let mut usage = self.usage_alone()?;
        for child in self.descendants() {
            // A child may end while it is read; what it used stays in the ticks of its parent.
            usage.add(child.usage_alone().unwrap_or_default());
        }
        Ok(usage)
    }

    /// The same without its children: servers that the tool has started are not the tool.
    pub(crate) fn usage_alone(&self) -> Result<Usage> {
        let (user, system) = ticks(&self.read("stat")?)
            .with_context(|| format!("/proc/{}/stat is not as proc(5) says", self.pid))?;
        let mut usage = Usage {
            ticks: TICK * (user + system),
            system_ticks: TICK * system,
            ..Usage::default()
        };
        for thread in self.threads()? {
            let folder = self.folder().join("task").join(thread.to_string());
            // A thread may end while it is read; what it used stays in the ticks of the process.
            let schedstat = fs::read_to_string(folder.join("schedstat")).unwrap_or_default();
            let nanos = schedstat.split(' ').next().and_then(|on| on.parse().ok());
            usage.exact += Duration::from_nanos(nanos.unwrap_or(0));
            let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
            usage.switches += field(&status, "voluntary_ctxt_switches:").unwrap_or(0)
                + field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0);
        }
        Ok(usage)
    }

    /// Resident memory of it and its children now, in KiB.
    pub(crate) fn rss_kib(&self) -> Result<u64> {
        let mut rss_kib = self.own_rss_kib()?;
        for child in self.descendants() {
            rss_kib += child.own_rss_kib().unwrap_or(0);
        }
        Ok(rss_kib)
    }

    fn own_rss_kib(&self) -> Result<u64> {
        // VmRSS is counted in batches per thread; the roll-up is exact, but may be forbidden.
        let rss_kib = match self.read("smaps_rollup") {
            Ok(rollup) => field(&rollup, "Rss:"),
            Err(_) => field(&self.read("status")?, "VmRSS:"),
        };
        rss_kib.with_context(|| format!("/proc/{} does not tell the RSS", self.pid))
    }

    /// Its children, theirs, and so on.
    fn descendants(&self) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let mut parents = vec![*self];
        while let Some(parent) = parents.pop() {
            let children = parent.children();
            all.extend(&children);
            parents.extend(children);
        }
        all
    }

    fn children(&self) -> Vec<Self> {
        let threads = self.threads().unwrap_or_default();
        let of = |thread: i32| self.read(&format!("task/{thread}/children")).ok();
        let lists: Vec<String> = threads.into_iter().filter_map(of).collect();
        lists
            .iter()
            .flat_map(|list| list.split_whitespace())
            .filter_map(|pid| {
                Some(Self {
                    pid: pid.parse().ok()?,
                })
            })
            .collect()
    }

    /// Binds all its threads to one core.
    pub(crate) fn pin(&self, core: usize) -> Result<()> {
        for thread in self.threads()? {
            let thread = Pid::from_raw(thread);
            sched_setaffinity(thread, &one_core(core))
                .with_context(|| format!("can't bind process {} to core {core}", self.pid))?;
        }
        Ok(())
    }

    fn threads(&self) -> Result<Vec<i32>> {
        let folder = self.folder().join("task");
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("there is no process {} to look at", self.pid))?;
        Ok(entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect())
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.folder().join(file);
        fs::read_to_string(&path)
            .with_context(|| format!("can't read {} (is the process there?)", path.display()))
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid))
    }
}

impl Usage {
    fn add(&mut self, other: Self) {
        self.ticks += other.ticks;
        self.system_ticks += other.system_ticks;
        self.exact += other.exact;
        self.switches += other.switches;
    }

    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Used {
        let ticks = self.ticks.saturating_sub(earlier.ticks);
        let system = self.system_ticks.saturating_sub(earlier.system_ticks);
        let exact = self.exact.saturating_sub(earlier.exact);
        // The scheduler's own figures are exact, but without those of threads that have ended.
        let is_whole = exact.abs_diff(ticks) <= TICK * 3;
        Used {
            cpu: if is_whole { exact } else { ticks },
            system_share: system.as_secs_f64() / ticks.max(TICK).as_secs_f64(),
            switches: self.switches.saturating_sub(earlier.switches),
        }
    }
}

/// Runs `work` with the calling thread on one core, if one is given.
pub(crate) fn on_core<T>(core: Option<usize>, work: impl FnOnce() -> T) -> Result<T> {
    let Some(core) = core else {
        return Ok(work());
    };
    let before = rustix::thread::sched_getaffinity(None)?;
    sched_setaffinity(None, &one_core(core)).with_context(|| format!("there is no core {core}"))?;
    let result = work();
    sched_setaffinity(None, &before)?;
    Ok(result)
}

fn one_core(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

/// User and system ticks, with those of children that have ended. The second field, a name in brackets, may hold
/// anything.
fn ticks(stat: &str) -> Option<(u32, u32)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u32>);
    let mut next = || fields.next()?.ok();
    let (user, system) = (next()?, next()?);
    let (children_user, children_system) = (next()?, next()?);
    Some((user + children_user, system + children_system))
}

/// The number on the line that begins with `name`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 77 33 5 6 20";
        assert_eq!(ticks(stat), Some((82, 39)));
        assert_eq!(ticks("12 (a"), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "VmHWM:\t 5 kB\nvoluntary_ctxt_switches:\t4\nnonvoluntary_ctxt_switches:\t9\n";
        assert_eq!(field(status, "VmHWM:"), Some(5));
        assert_eq!(field(status, "voluntary_ctxt_switches:"), Some(4));
        assert_eq!(field(status, "VmRSS:"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let own = Process::own();
        assert!(own.rss_kib().unwrap() > 0);
        let before = own.usage().unwrap();
        assert!(own.usage().unwrap().since(before).cpu < Duration::from_secs(60));
    }
}
