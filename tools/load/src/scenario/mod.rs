//! What is done to a server: one file each, all giving a [`Report`].
//!
//! - `idle.rs`: sessions that are there and do nothing
//! - `messages.rs`: pairs that write to each other, with `chat.rs` for all of them, `pair.rs` for one and `pace.rs` for
//!   when it writes
//! - `ping.rs`, `roster.rs`, `archive.rs`: sessions that ask for something, with `asking.rs` for one of them
//! - `presence.rs`, `room.rs`: one speaks, many hear it, with `fan.rs` for both
//! - `login.rs`: sign in, be available, go
//! - `storm.rs`: all are cut and come back
//! - `mixed.rs`: some of everything
//! - `friends.rs`: rosters that have to exist before
//! - `gather.rs`, `board.rs`: many at a time, and what they share

mod archive;
mod asking;
mod board;
mod chat;
mod fan;
mod friends;
mod gather;
mod idle;
mod login;
mod messages;
mod mixed;
mod pace;
mod pair;
mod ping;
mod presence;
mod room;
mod roster;
mod storm;

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
    /// Sessions ask for their roster, one request in flight each.
    Roster(roster::Roster),
    /// One user's presence changes, and all contacts see it.
    Presence(presence::Presence),
    /// One occupant of a room writes, and all hear it.
    Room(room::Room),
    /// Sessions read the latest page of their archive, one request in flight each.
    Archive(archive::Archive),
    /// All sessions are cut and come back, while others go on chatting.
    Storm(storm::Storm),
    /// Some are just there, some chat, some come and go.
    Mixed(mixed::Mixed),
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
            Self::Roster(roster) => roster.accounts(),
            Self::Presence(presence) => presence.accounts(),
            Self::Room(room) => room.accounts(),
            Self::Archive(archive) => archive.accounts(),
            Self::Storm(storm) => storm.accounts(),
            Self::Mixed(mixed) => mixed.accounts(),
        }
    }

    /// Whether something has to exist before, which [`Scenario::prepare`] makes.
    pub(crate) fn wants_preparation(&self) -> bool {
        match self {
            Self::Idle(idle) => idle.has_contacts(),
            Self::Roster(_) | Self::Presence(_) | Self::Archive(_) => true,
            _ => false,
        }
    }

    /// Makes rosters and archives. Doing it twice does no harm.
    ///
    /// # Errors
    ///
    /// When the server does not do its part.
    pub(crate) async fn prepare(&self, target: &Rc<Target>) -> Result<()> {
        match self {
            Self::Idle(idle) => idle.prepare(target).await,
            Self::Roster(roster) => roster.prepare(target).await,
            Self::Presence(presence) => presence.prepare(target).await,
            Self::Archive(archive) => archive.prepare(target).await,
            _ => Ok(()),
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
            Self::Roster(roster) => roster.run(target).await,
            Self::Presence(presence) => presence.run(target).await,
            Self::Room(room) => room.run(target).await,
            Self::Archive(archive) => archive.run(target).await,
            Self::Storm(storm) => storm.run(target).await,
            Self::Mixed(mixed) => mixed.run(target).await,
        };
        let mut report = report?;
        report.yardstick_ms = yardstick_ms;
        if report.units == 0 {
            let failure = "nothing was done while it was measured";
            report.failures.push(failure.to_owned());
        }
        Ok(report)
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
