//! What users do: they chat, come and go, read slowly, and send more than anybody can take.

use std::time::Duration;

use super::{Simulation, oracle::Violation, unexpected};

/// So many users come back at a time.
const RETURNING: usize = 8;

impl Simulation {
    /// One thing happens.
    pub(super) fn step(&mut self, pause: Duration) -> Result<(), Violation> {
        let count = self.users.len();
        let who = self.world.random().below(count);
        let contacts: Vec<usize> = self.user(who).contacts.iter().copied().collect();
        let contact = match contacts.len() {
            0 => self.world.random().below(count),
            some => {
                let index = self.world.random().below(some);
                contacts.get(index).copied().unwrap_or_default()
            }
        };
        let choice = self.world.random().below(100);
        self.action = format!("choice {choice} by user {who} with user {contact}");
        match choice {
            0..45 => {
                for _ in 0..=self.world.random().below(4) {
                    self.message(who, contact, 20, None);
                }
            }
            45..52 => self.with(who, |user, world, oracle| {
                user.ping(world, oracle, Some(contact))
            }),
            52..55 => self.with(who, |user, world, oracle| user.ping(world, oracle, None)),
            55..58 => self.with(who, |user, world, _| user.acks(world)),
            58..60 => self.look_away(who),
            60..63 => self.send(who, "<presence><show>away</show></presence>"),
            63..65 => self.direct_presence(who)?,
            65..73 => self.hang_up(who)?,
            73..88 => self.come_back(who)?,
            88..90 => self.pause_reading(who)?,
            90..92 => self.flood(who, contact)?,
            92 => self.message(who, contact, 20, Some((who + 1) % count)),
            93..95 => self.disk_fault(who, contact)?,
            95 => self.kill(who, contact)?,
            96 => self.restart()?,
            _ => {
                let micros = u64::try_from(self.world.random().below(20_000)).unwrap_or_default();
                self.world.disk_delay = Duration::from_micros(micros);
            }
        }
        self.settle()?;
        self.check()?;
        self.world
            .wait(pause)
            .map_err(|error| unexpected(&error.to_string()))?;
        self.read_all()
    }

    /// Some of those who are away sign in: a server that went down sees all of them again.
    pub(super) fn come_back(&mut self, first: usize) -> Result<(), Violation> {
        for number in first..first + RETURNING {
            self.sign_in(number % self.users.len())?;
        }
        Ok(())
    }

    pub(super) fn sign_in(&mut self, who: usize) -> Result<(), Violation> {
        if self.user(who).session.is_some() {
            return Ok(());
        }
        let has_acks = self.world.random().one_in(2);
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        if let Some(user) = users.get_mut(who) {
            user.sign_in(world, oracle, has_acks)?;
        }
        Ok(())
    }

    pub(super) fn message(
        &mut self,
        who: usize,
        to: usize,
        body_bytes: usize,
        spoofed: Option<usize>,
    ) {
        self.with(who, |user, world, oracle| {
            user.send_message(world, oracle, to, body_bytes, spoofed)
        });
    }

    /// A clean close, a cut, or a cut by another sign-in to come.
    pub(super) fn hang_up(&mut self, who: usize) -> Result<(), Violation> {
        // What it reads now, and the acks it gives for that, are done with before the end.
        if let Some(session) = &mut self.user(who).session {
            session.reads = true;
        }
        self.settle()?;
        let clean = self.world.random().one_in(2);
        let Self {
            world,
            users,
            oracle,
            report,
            ..
        } = self;
        let Some(user) = users.get_mut(who) else {
            return Ok(());
        };
        let Some(session) = &mut user.session else {
            return Ok(());
        };
        let link = session.client.link();
        if clean {
            session.client.send(world, "</stream:stream>");
            world
                .settle()
                .map_err(|error| unexpected(&error.to_string()))?;
            user.read(world, oracle)?;
        }
        report.cuts += 1;
        world.cut(link);
        match clean {
            true => user.leave(oracle),
            false => user.lose_connection(oracle),
        }
        Ok(())
    }

    /// Presence to somebody who is no contact; they must be told of the end.
    pub(super) fn direct_presence(&mut self, who: usize) -> Result<(), Violation> {
        let count = self.users.len();
        let other = self.world.random().below(count);
        let knows = self.user(who).contacts.contains(&other);
        let there = self
            .user(other)
            .session
            .as_ref()
            .map(|session| session.full_jid.clone());
        if let Some(to) = there.filter(|_| !knows && other != who) {
            self.send(who, &format!("<presence to='{to}'/>"));
        }
        self.settle()
    }

    /// And looks again the next time.
    pub(super) fn look_away(&mut self, who: usize) {
        let session = self.user(who).session.as_ref();
        let is_inactive = session.is_some_and(|session| session.is_inactive);
        self.with(who, |user, world, _| user.look(world, !is_inactive));
    }

    pub(super) fn pause_reading(&mut self, who: usize) -> Result<(), Violation> {
        if let Some(session) = &mut self.user(who).session {
            session.reads = !session.reads;
        }
        self.settle()
    }

    /// More than a queue holds, to somebody who may not be reading.
    pub(super) fn flood(&mut self, who: usize, to: usize) -> Result<(), Violation> {
        if self.world.random().one_in(2)
            && let Some(session) = &mut self.user(to).session
        {
            session.reads = false;
        }
        for _ in 0..40 {
            self.message(who, to, 16_000, None);
        }
        self.settle()
    }
}
