//! Looks at the server and at this tool before and after, and makes a report of the difference.

use std::time::Instant;

use anyhow::Result;

use crate::{
    clock,
    process::{self, Process, Usage, Used},
    report::{Cpu, Report},
    target::Target,
};

/// Rounds of the yardstick: some milliseconds of integer work.
const YARDSTICK_ROUNDS: u64 = 2_000_000;

/// Started when measuring starts.
pub(crate) struct Watch {
    server: Option<(Process, Usage)>,
    own: Usage,
    started: Instant,
}

impl Watch {
    /// Looks for the first time.
    pub(crate) fn start(target: &Target) -> Result<Self> {
        let server = match target.process {
            None => None,
            Some(process) => Some((process, process.usage()?)),
        };
        Ok(Self {
            server,
            own: Process::own().usage_alone()?,
            started: clock::now(),
        })
    }

    /// Looks again, and reports `units` of work, each called `unit`.
    pub(crate) fn report(&self, target: &Target, units: u64, unit: &str) -> Result<Report> {
        let seconds = self.started.elapsed().as_secs_f64();
        let server_cpu = match self.server {
            None => None,
            Some((process, before)) => Some(cpu(process.usage()?.since(before), units, seconds)),
        };
        let own = Process::own().usage_alone()?.since(self.own);
        Ok(Report {
            server: target.name.clone(),
            unit: unit.to_owned(),
            units,
            seconds,
            per_second: units as f64 / seconds,
            server_cpu,
            own_cpu: cpu(own, units, seconds),
            ..Report::default()
        })
    }
}

/// How many milliseconds a fixed piece of work takes on the server's core now: a core that is slow for everybody is
/// told by it.
pub(crate) fn yardstick(target: &Target) -> Result<f64> {
    process::on_core(target.core, || {
        let started = clock::now();
        let mut state: u64 = 1;
        for round in 0..YARDSTICK_ROUNDS {
            state = std::hint::black_box(state ^ round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        std::hint::black_box(state);
        started.elapsed().as_secs_f64() * 1e3
    })
}

fn cpu(used: Used, units: u64, seconds: f64) -> Cpu {
    let units = units.max(1) as f64;
    Cpu {
        us_per_unit: used.cpu.as_secs_f64() * 1e6 / units,
        system_percent: used.system_share * 100.0,
        percent: used.cpu.as_secs_f64() / seconds * 100.0,
        switches_per_unit: used.switches as f64 / units,
    }
}
