//! What the sessions of a scenario share while it is measured.

use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use anyhow::{Context as _, Result};
use tokio::{task::JoinHandle, time::sleep};

use super::Span;
use crate::{
    histogram::Histogram,
    report::{Latency, Report},
    target::Target,
    watch::Watch,
};

/// How many failures a report names.
const FAILURES_MAX: usize = 10;

/// Counts units and their latencies between a beginning and an end.
#[derive(Debug, Default)]
pub(super) struct Board {
    is_measuring: Cell<bool>,
    is_over: Cell<bool>,
    done: Cell<u64>,
    latency: RefCell<Histogram>,
}

impl Board {
    /// Whether sessions are to finish what they are at, and leave.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// `units` have been done, which began at `started`.
    pub(super) fn count(&self, units: u64, started: Instant) {
        self.done.set(self.done.get() + units);
        if self.is_measuring.get() {
            self.latency.borrow_mut().record(started.elapsed());
        }
    }

    /// Lets the work go on for as long as `span` says, and reports it; then it is over.
    pub(super) async fn measure(&self, target: &Target, span: Span, unit: &str) -> Result<Report> {
        sleep(span.before()?).await;
        let watch = Watch::start(target)?;
        let before = self.done.get();
        self.is_measuring.set(true);
        sleep(span.measured()?).await;
        self.is_measuring.set(false);
        let report = watch.report(target, self.done.get() - before, unit)?;
        self.is_over.set(true);
        Ok(Report {
            latency_ms: Latency::of(&self.latency.borrow()),
            ..report
        })
    }
}

/// Waits until all have left. What went wrong with them, once each.
pub(super) async fn leave(sessions: Vec<JoinHandle<Result<()>>>) -> Vec<String> {
    let mut failures = Vec::new();
    for session in sessions {
        if let Err(error) = session.await.context("a session broke off").flatten() {
            note(&mut failures, &error);
        }
    }
    failures
}

/// Adds a failure unless it, or enough of them, are known.
pub(super) fn note(failures: &mut Vec<String>, error: &anyhow::Error) {
    let failure = format!("{error:#}");
    if failures.len() < FAILURES_MAX && !failures.contains(&failure) {
        failures.push(failure);
    }
}
