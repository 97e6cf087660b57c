//! When nothing moves: until then, what must hold then, and what must hold at the end.

use std::{collections::BTreeSet, time::Duration};

use super::{Simulation, oracle::Violation, unexpected, user::VirtualUser};

/// More pages than any archive of these users has.
const PAGES_MAX: usize = 200;

/// One frame may exceed the bound: it is the last that fits.
const FRAME_MAX: usize = 300_000;

impl Simulation {
    /// Everybody comes, reads and confirms; then nothing may be missing.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        self.world.disk_delay = Duration::ZERO;
        self.settle()?;
        for who in 0..self.users.len() {
            if let Some(session) = &mut self.user(who).session {
                session.reads = true;
            }
        }
        self.quiet()?;
        for who in 0..self.users.len() {
            self.sign_in(who)?;
        }
        self.quiet()?;
        for who in 0..self.users.len() {
            self.with(who, |user, world, _| {
                user.look(world, false);
                user.acks(world);
            });
        }
        self.quiet()?;
        self.check()?;
        self.read_archives()?;
        self.report.messages = self.oracle.messages();
        self.report.crossings = self.world.crossings;
        self.oracle.check_messages()
    }

    /// Whoever has an archive reads all of it.
    fn read_archives(&mut self) -> Result<(), Violation> {
        for _ in 0..PAGES_MAX {
            let Self {
                world,
                users,
                oracle,
                ..
            } = self;
            let asks = |user: &mut VirtualUser| user.read_archive(world, oracle);
            if users
                .iter_mut()
                .map(asks)
                .filter(|has_asked| *has_asked)
                .count()
                == 0
            {
                break;
            }
            self.quiet()?;
        }
        self.report.resumed = self.users.iter().map(|user| user.resumed).sum();
        self.report.archived = self.users.iter().map(VirtualUser::archived).sum();
        self.users
            .iter()
            .try_for_each(|user| user.check_archive(&self.oracle))
    }

    /// Until nobody has anything more to read or answer.
    pub(super) fn quiet(&mut self) -> Result<(), Violation> {
        for _ in 0..4 {
            self.settle()?;
            self.world
                .wait(Duration::from_secs(1))
                .map_err(|error| unexpected(&error.to_string()))?;
        }
        self.settle()
    }

    /// Runs until nothing moves, with everybody reading and answering.
    pub(super) fn settle(&mut self) -> Result<(), Violation> {
        for _ in 0..6 {
            self.world
                .settle()
                .map_err(|error| unexpected(&error.to_string()))?;
            self.read_all()?;
        }
        Ok(())
    }

    pub(super) fn read_all(&mut self) -> Result<(), Violation> {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        users
            .iter_mut()
            .try_for_each(|user| user.read(world, oracle))
    }

    /// What must hold at quiet, for everybody who reads.
    pub(super) fn check(&mut self) -> Result<(), Violation> {
        self.notice_ends()?;
        let homes = (0..self.world.homes()).map(|home| self.world.server_at(home));
        let largest = homes.map(|server| server.largest_outbox_bytes()).max();
        let bytes = largest.unwrap_or(0);
        let limit = self.outbox_max + FRAME_MAX;
        if bytes > limit {
            return Err(Violation::QueueTooLong { bytes, limit });
        }
        let all_read = self
            .users
            .iter()
            .all(|user| user.session.as_ref().is_none_or(|session| session.reads));
        for user in &self.users {
            let Some(session) = user.session.as_ref().filter(|session| session.reads) else {
                continue;
            };
            // It is told who is there once somebody looks.
            if session.is_inactive {
                continue;
            }
            debug_assert!(!session.full_jid.is_empty(), "a session has an address");
            let approved: BTreeSet<usize> = user
                .contacts
                .iter()
                .copied()
                .filter(|other| self.oracle.approved.contains(&(user.number, *other)))
                .collect();
            self.oracle.check_view(user.number, &approved)?;
            if all_read {
                self.oracle.check_requests(user.number)?;
            }
        }
        Ok(())
    }

    /// Those who did not read learn here that the server has ended their stream.
    pub(super) fn notice_ends(&mut self) -> Result<(), Violation> {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        for user in users.iter_mut() {
            let Some(session) = &mut user.session else {
                continue;
            };
            if world.is_ended(session.client.link()) {
                session.reads = true;
                user.read(world, oracle)?;
            }
        }
        self.settle()
    }
}
