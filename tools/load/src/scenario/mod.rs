//! What is done to a server: one file each, all giving a [`Report`].
//!
//! - `idle.rs`: sessions that are there and do nothing
//! - `messages.rs`: pairs that write to each other, with `pair.rs` for one of them and `pace.rs` for
//!   when it writes
//! - `ping.rs`: sessions that ask the server for an answer
//! - `login.rs`: sign in, be available, go
//! - `gather.rs`: many at a time, not all at once

mod gather;
mod idle;
mod login;
mod messages;
mod pace;
mod pair;
mod ping;

use std::{fmt, rc::Rc, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
pub(crate) use gather::gather;

use crate::{report::Report, target::Target, watch};

/// A scenario with its parameters.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Sign in N sessions, make them available, and see what they cost in memory.
    Idle(idle::Idle),
    /// Pairs of sessions write to each other as fast as a window lets them or at a rate.
    Messages(messages::Messages),
    /// Sessions sign in, become available and go, again and again.
    Login(login::Login),
    /// Sessions ping the server, one ping in flight each.
    Ping(ping::Ping),
}

/// How long a scenario is measured.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Measure for so long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Leave out so much before.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
}

/// Why a scenario was not run: the server does not offer this feature.
#[derive(Debug)]
pub(crate) struct NotOffered(pub(crate) String);

impl fmt::Display for NotOffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server does not offer {}", self.0)
    }
}

impl std::error::Error for NotOffered {}

impl Scenario {
    /// How many accounts take part.
    pub(crate) fn accounts(&self) -> u32 {
        match self {
            Self::Idle(idle) => idle.accounts(),
            Self::Messages(messages) => messages.accounts(),
            Self::Login(login) => login.accounts(),
            Self::Ping(ping) => ping.accounts(),
        }
    }

    /// Whether what earlier runs have left in the server's memory would spoil the figures.
    pub(crate) fn wants_fresh_server(&self) -> bool {
        matches!(self, Self::Idle(_))
    }

    /// Does it to `target`.
    ///
    /// # Errors
    ///
    /// When it can't be done at all. What fails while it is done is in the report.
    pub(crate) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let yardstick_ms = watch::yardstick(target)?;
        let report = match self {
            Self::Idle(idle) => idle.run(target).await,
            Self::Messages(messages) => messages.run(target).await,
            Self::Login(login) => login.run(target).await,
            Self::Ping(ping) => ping.run(target).await,
        };
        Ok(Report {
            yardstick_ms,
            ..report?
        })
    }
}

impl Span {
    /// How long is measured.
    fn measured(self) -> Result<Duration> {
        if self.seconds <= 0.0 {
            bail!("--seconds: more than 0");
        }
        Ok(Duration::try_from_secs_f64(self.seconds)?)
    }

    /// How long is waited before.
    fn before(self) -> Result<Duration> {
        Ok(Duration::try_from_secs_f64(self.warm_up)?)
    }
}
