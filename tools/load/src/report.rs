//! What a run found: as a table for people, as one line of JSON for programs.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

/// The result of one scenario against one server.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    /// The server's name.
    pub(crate) server: String,
    /// What was done, with its parameters.
    pub(crate) scenario: String,
    /// What is counted.
    pub(crate) unit: String,
    /// How many were done while it was measured.
    pub(crate) units: u64,
    /// How long that took.
    pub(crate) seconds: f64,
    /// Units per second.
    pub(crate) per_second: f64,
    /// What the server used, when its process is known.
    pub(crate) server_cpu: Option<Cpu>,
    /// What this tool used; near 100 % of a core it was the bottleneck.
    pub(crate) own_cpu: Cpu,
    /// The server's memory, when its process is known.
    pub(crate) memory: Option<Memory>,
    /// How long units took.
    pub(crate) latency_ms: Option<Latency>,
    /// With stream management: how long until the server had acknowledged.
    pub(crate) acknowledged_ms: Option<Latency>,
    /// How long messages of users took who had nothing to do with it.
    pub(crate) bystanders_ms: Option<Latency>,
    /// How long a fixed piece of work took on the server's core just before.
    pub(crate) yardstick_ms: f64,
    /// What went wrong. With any of these the figures mean nothing.
    pub(crate) failures: Vec<String>,
}

/// CPU time of a process.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Cpu {
    /// Microseconds per unit.
    pub(crate) us_per_unit: f64,
    /// The part of it in the kernel, in percent.
    pub(crate) system_percent: f64,
    /// Percent of one core.
    pub(crate) percent: f64,
    /// Context switches per unit.
    pub(crate) switches_per_unit: f64,
}

/// Resident memory of a process.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Memory {
    /// Before the first connection.
    pub(crate) before_kib: u64,
    /// With all sessions there.
    pub(crate) after_kib: u64,
    /// The difference, per session.
    pub(crate) kib_per_session: f64,
}

/// How long things took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Latency {
    /// What half of them do not exceed.
    pub(crate) p50: f64,
    /// What nine of ten do not exceed.
    pub(crate) p90: f64,
    /// What all but one in a hundred do not exceed.
    pub(crate) p99: f64,
    /// What all but one in a thousand do not exceed.
    pub(crate) p999: f64,
    /// The longest.
    pub(crate) max: f64,
}

/// Percent of a core at which the tool is taken for the bottleneck.
const OWN_PERCENT_MAX: f64 = 85.0;

impl Report {
    /// Whether the server waited for the tool, so that it was less busy than it could have been.
    pub(crate) fn is_held_up(&self) -> bool {
        self.own_cpu.percent > OWN_PERCENT_MAX
    }

    /// The figure that servers are compared by, with its unit: memory where sessions idle, CPU time elsewhere.
    pub(crate) fn figure(&self) -> Option<(f64, &'static str)> {
        match self.memory {
            Some(memory) => Some((memory.kib_per_session, "KiB per session")),
            None => Some((self.server_cpu?.us_per_unit, "CPU µs per unit")),
        }
    }
}

impl Latency {
    /// Of what was counted; `None` when that is nothing.
    pub(crate) fn of(histogram: &Histogram) -> Option<Self> {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        (histogram.total() > 0).then(|| Self {
            p50: ms(histogram.quantile(0.5)),
            p90: ms(histogram.quantile(0.9)),
            p99: ms(histogram.quantile(0.99)),
            p999: ms(histogram.quantile(0.999)),
            max: ms(histogram.largest()),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.server, self.scenario)?;
        writeln!(
            f,
            "  {} {}s in {:.1} s, {:.0} per second",
            self.units, self.unit, self.seconds, self.per_second
        )?;
        if let Some(cpu) = self.server_cpu {
            writeln!(f, "  server CPU  {cpu} per {}", self.unit)?;
        }
        writeln!(f, "  own CPU     {} per {}", self.own_cpu, self.unit)?;
        if let Some(memory) = self.memory {
            writeln!(
                f,
                "  server RSS  {:.2} KiB per session ({} KiB before, {} KiB after)",
                memory.kib_per_session, memory.before_kib, memory.after_kib
            )?;
        }
        if let Some(latency) = self.latency_ms {
            writeln!(f, "  latency ms  {latency}")?;
        }
        if let Some(latency) = self.acknowledged_ms {
            writeln!(f, "  acked ms    {latency}")?;
        }
        if let Some(latency) = self.bystanders_ms {
            writeln!(f, "  bystanders  {latency}")?;
        }
        if self.is_held_up() {
            writeln!(f, "  NOTE        this tool was the bottleneck")?;
        }
        write!(f, "  yardstick   {:.2} ms", self.yardstick_ms)?;
        for failure in &self.failures {
            write!(f, "\n  FAILED      {failure}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} µs ({:.0} % of it in the kernel, {:.0} % of a core, {:.2} context switches)",
            self.us_per_unit, self.system_percent, self.percent, self.switches_per_unit
        )
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.3}  p90 {:.3}  p99 {:.3}  p99.9 {:.3}  max {:.3}",
            self.p50, self.p90, self.p99, self.p999, self.max
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_compared_by_memory_where_it_was_measured() {
        let mut report = Report::default();
        assert_eq!(report.figure(), None);
        report.server_cpu = Some(Cpu {
            us_per_unit: 9.5,
            ..Cpu::default()
        });
        assert_eq!(report.figure(), Some((9.5, "CPU µs per unit")));
        report.memory = Some(Memory {
            kib_per_session: 4.0,
            ..Memory::default()
        });
        assert_eq!(report.figure(), Some((4.0, "KiB per session")));
    }

    #[test]
    fn failures_are_shown() {
        let report = Report {
            failures: vec!["3 messages were lost".to_owned()],
            ..Report::default()
        };
        assert!(
            report
                .to_string()
                .ends_with("FAILED      3 messages were lost")
        );
    }
}
