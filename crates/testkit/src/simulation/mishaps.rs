//! What befalls the server: its disk refuses, it is killed in the middle of something, and it is restarted.

use std::time::Duration;

use store::StoreError;

use super::{Simulation, oracle::Violation, unexpected, user::VirtualUser};

impl Simulation {
    /// The next thing the disk is given fails, or everything for a while.
    pub(super) fn disk_fault(&mut self, who: usize, to: usize) -> Result<(), Violation> {
        self.report.refusals += 1;
        let home = self.some_home();
        if self.world.random().one_in(2) {
            self.world.disk_at(home).set_full(true);
            for _ in 0..3 {
                self.message(who, to, 20, None);
            }
            let settled = self.settle();
            self.world.disk_at(home).set_full(false);
            return settled;
        }
        let after = self.world.random().below(3);
        self.world.disk_at(home).fail_after(after, StoreError::Full);
        self.message(who, to, 20, None);
        Ok(())
    }

    /// One home dies in the middle of something.
    pub(super) fn kill(&mut self, who: usize, to: usize) -> Result<(), Violation> {
        self.report.kills += 1;
        // The last acks that were given arrive, and what they settle is written, which takes a second.
        self.world
            .wait(Duration::from_secs(1))
            .map_err(|error| unexpected(&error.to_string()))?;
        let unconfirmed = self.users.iter().flat_map(VirtualUser::unconfirmed);
        self.oracle.at_rest(&unconfirmed.collect());
        self.world.disk_delay = Duration::from_millis(20);
        for _ in 0..3 {
            self.message(who, to, 20, None);
            self.message(to, who, 20, None);
        }
        // Many are away: what is for them is in the store only.
        for (one, contact) in [(who, to), (to, who)] {
            let count = self.users.len();
            let other = self.world.random().below(count);
            self.message(one, other, 20, None);
            self.with(one, |user, world, oracle| {
                user.ping(world, oracle, Some(contact));
                user.acks(world);
            });
        }
        // Half of the times what is under way gets further than where nothing moves without time.
        let time_passes = self.world.random().one_in(2);
        let turns = 100 * self.world.homes();
        for _ in 0..self.world.random().below(turns) {
            match time_passes {
                true => self.world.go_on(),
                false => self.world.turn(),
            };
        }
        let home = self.some_home();
        self.go_down(home, true)?;
        // Sometimes all of them, one after another.
        if self.world.homes() > 1 && self.world.random().one_in(4) {
            let others = (0..self.world.homes()).filter(|other| *other != home);
            for other in others.collect::<Vec<_>>() {
                self.go_down(other, true)?;
            }
        }
        Ok(())
    }

    pub(super) fn restart(&mut self) -> Result<(), Violation> {
        // What the disk refused a moment ago is written again before the server stops.
        self.quiet()?;
        self.report.restarts += 1;
        let home = self.some_home();
        self.go_down(home, false)
    }

    pub(super) fn go_down(&mut self, home: usize, killed: bool) -> Result<(), Violation> {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        let homes: Vec<usize> = users.iter().map(|user| user.home(world)).collect();
        let is_there = |user: usize| homes.get(user) == Some(&home);
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            if let Some(session) = &mut user.session {
                session.reads = true;
            }
            user.read(world, oracle)?;
        }
        if killed {
            let killed = world.restart_home(home, true);
            killed.map_err(|what| unexpected(&what))?;
            for user in users.iter_mut().filter(|user| is_there(user.number)) {
                user.lose_connection(oracle);
                user.server_died(oracle);
            }
            oracle.killed(is_there);
            return Ok(());
        }
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            if let Some(session) = user
                .session
                .as_ref()
                .filter(|session| session.previd.is_none())
            {
                session.client.send(world, "</stream:stream>");
            }
        }
        self.settle()?;
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        let closed = |user: &VirtualUser| {
            let session = user.session.as_ref();
            session.is_some_and(|session| session.previd.is_none())
        };
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            if closed(user) {
                user.leave(oracle);
            }
        }
        let stopped = world.restart_home(home, false);
        stopped.map_err(|what| unexpected(&what))?;
        // Those that wait from here on were told last how much of theirs is safe.
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            user.read(world, oracle)?;
            user.lose_connection(oracle);
        }
        Ok(())
    }
}
